"""Commands on their way to the venue, and who waits for their outcomes."""

from __future__ import annotations

from collections.abc import Callable

from polyfeed.model.batches import Batch, Outcome
from polyfeed.model.commands import AnyCommand, Origin
from polyfeed.model.enums import Refusal

Answer = Callable[[Outcome], None]
Entry = Callable[[AnyCommand, Origin], None]
"""Where commands go: the sequencer, or what leads to it."""


class Requests:
    """Numbers this gateway's commands, from the one after `last` on, and gives each outcome to whoever asked for it.

    `away` says that the venue cannot be reached: commands are refused at once, those under way are still waited for.
    `ended` says that nobody listens any more: what was postponed is not done, and nothing is to be sent again.
    """

    def __init__(self, gateway: int, entry: Entry, last: int = 0) -> None:
        self.away = False
        self.ended = False
        self._gateway = gateway
        self._entry = entry
        self._number = last
        self._waiting: dict[int, Answer] = {}
        self._postponed: list[Callable[[], None]] = []

    def renumber(self, gateway: int) -> None:
        """From now on this gateway has another number; its commands go on with theirs."""
        self._gateway = gateway

    def submit(self, command: AnyCommand, answer: Answer, reference: str = "") -> None:
        """Sends a command; `answer` is called with its outcome when its batch comes."""
        if self.away:
            answer(Outcome(Refusal.VENUE_AWAY))
            return
        self._number += 1
        self._waiting[self._number] = answer
        self._entry(command, Origin(self._gateway, self._number, reference))

    def on_batch(self, batch: Batch) -> None:
        """Answers whoever the batch is the answer to. Later parts of a huge decision answer nobody."""
        if batch.origin is not None:
            self.settle(batch.origin, batch.outcome)

    def settle(self, origin: Origin, outcome: Outcome) -> None:
        """Answers whoever sent a command of this gateway, if they still wait."""
        if origin.gateway != self._gateway:
            return
        answer = self._waiting.pop(origin.number, None)
        if answer is not None:
            answer(outcome)

    def postpone(self, call: Callable[[], None]) -> None:
        """Has a function called when the venue can be reached again."""
        if not self.ended:
            self._postponed.append(call)

    def back(self) -> None:
        """The venue can be reached again."""
        self.away = False
        postponed, self._postponed = self._postponed, []
        for call in postponed:
            call()

    def end(self) -> None:
        """The gateway ends. What it still owes is the venue's to do, which ends what is bound to it."""
        self.ended = True
        self._postponed.clear()

    def skip(self, last: int) -> None:
        """The venue has decided this gateway's commands up to `last`; the outcomes of those still waited for were
        missed, and nobody can tell them any more.
        """
        self._number = max(self._number, last)
        for number in [one for one in self._waiting if one <= last]:
            self._waiting.pop(number)(Outcome(Refusal.OUTCOME_UNKNOWN))
