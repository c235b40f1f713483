"""Commands on their way to the venue, and who waits for their outcomes."""

from __future__ import annotations

from collections.abc import Callable

from polyfeed.model.batches import Batch, Outcome
from polyfeed.model.commands import AnyCommand, Origin

Answer = Callable[[Outcome], None]
Entry = Callable[[AnyCommand, Origin], None]
"""Where commands go: the sequencer, or what leads to it."""


class Requests:
    """Numbers this gateway's commands, from the one after `last` on, and gives each outcome to whoever asked for it."""

    def __init__(self, gateway: int, entry: Entry, last: int = 0) -> None:
        self._gateway = gateway
        self._entry = entry
        self._number = last
        self._waiting: dict[int, Answer] = {}

    def renumber(self, gateway: int) -> None:
        """From now on this gateway has another number; its commands go on with theirs."""
        self._gateway = gateway

    def submit(self, command: AnyCommand, answer: Answer, reference: str = "") -> None:
        """Sends a command; `answer` is called with its outcome when its batch comes."""
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
