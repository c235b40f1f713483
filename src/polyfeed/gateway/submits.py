"""Commands of sessions on their way to the venue, and once more where they must not be lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from polyfeed.dialects._base.effects import Effect, Submit
from polyfeed.dialects._base.session import Session
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.requests import Requests
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import CancelAll, CancelOrder
from polyfeed.model.enums import Refusal

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
            if connection.closing and outcome.refusal is not None and outcome.refusal.undecided and insists(effect):
                self._insist(outcome.refusal, lambda: self.submit(connection, effect))
                return
            self._ask(connection, lambda session, now: session.answer(now, effect.request, outcome))

        self._requests.submit(effect.command, answer, effect.reference)

    def _insist(self, refusal: Refusal, submit: Callable[[], None]) -> None:
        """Has a command sent again that nobody has decided on."""
        if refusal is Refusal.VENUE_AWAY:
            self._requests.postpone(submit)
        else:
            self._later(INSIST_SECONDS, submit)


def insists(effect: Submit) -> bool:
    """Whether a command of a session that has gone must still be carried out: it takes orders out, as was promised."""
    return isinstance(effect.command, CancelOrder | CancelAll)
