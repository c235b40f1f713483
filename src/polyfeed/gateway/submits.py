"""Commands of sessions on their way to the venue, and once more where they must not be lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from polyfeed.dialects._base.effects import Effect, Submit
from polyfeed.dialects._base.session import Session
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.requests import Requests
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import CancelAll, CancelOrder

Question = Callable[[Session, int], Sequence[Effect]]
"""What is asked of a session, at a time."""

INSIST_SECONDS = 0.25
"""After which a cancellation that must not be lost is sent again."""


class Submits:
    """Hands commands to `requests` and their outcomes to the sessions, by `ask`; `later` has a function called after so
    many seconds.
    """

    def __init__(
        self,
        requests: Requests,
        later: Callable[[float, Callable[[], None]], object],
        ask: Callable[[Connection, Question], object],
    ) -> None:
        self._requests = requests
        self._later = later
        self._ask = ask

    def submit(self, connection: Connection, effect: Submit) -> None:
        """Sends a command of a connection's session."""

        def answer(outcome: Outcome) -> None:
            if connection.closing and insists(effect, outcome):
                self._insist(lambda: self.submit(connection, effect))
                return
            self._ask(connection, lambda session, now: session.answer(now, effect.request, outcome))

        self._requests.submit(effect.command, answer, effect.reference)

    def _insist(self, submit: Callable[[], None]) -> None:
        """Has a command sent again: when the venue is back where it is waited for, else soon. Who was refused while
        nobody knew yet that the venue is away may never hear that it is back.
        """
        if self._requests.away:
            self._requests.postpone(submit)
        else:
            self._later(INSIST_SECONDS, lambda: None if self._requests.ended else submit())


def insists(effect: Submit, outcome: Outcome) -> bool:
    """Whether a command of a session that has gone must be sent again: it takes orders out, as was promised, and nobody
    has decided on it. One order is cancelled again also where nobody knows what came of it: the venue does that once.
    All of them are not, since others may have come meanwhile.
    """
    if outcome.refusal is None or not isinstance(effect.command, CancelOrder | CancelAll):
        return False
    return outcome.refusal.undecided or (outcome.refusal.temporary and isinstance(effect.command, CancelOrder))
