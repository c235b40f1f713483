"""Commands on their way to the venue, and who waits for their outcomes."""

from __future__ import annotations

from collections.abc import Callable

from polyfeed.model.batches import Batch, Outcome
from polyfeed.model.commands import AnyCommand, Origin

Answer = Callable[[Outcome], None]
Entry = Callable[[AnyCommand, Origin], None]
"""Where commands go: the sequencer, or what leads to it."""


class Requests:
    """Numbers this gateway's commands and gives each outcome to whoever asked for it."""

    def __init__(self, gateway: int, entry: Entry) -> None:
        self._gateway = gateway
        self._entry = entry
        self._number = 0
        self._waiting: dict[int, Answer] = {}

    def submit(self, command: AnyCommand, answer: Answer, reference: str = "") -> None:
        """Sends a command; `answer` is called with its outcome when its batch comes."""
        self._number += 1
        self._waiting[self._number] = answer
        self._entry(command, Origin(self._gateway, self._number, reference))

    def on_batch(self, batch: Batch) -> None:
        """Answers whoever the batch is the answer to. Later parts of a huge decision answer nobody."""
        if batch.origin is None or batch.origin.gateway != self._gateway:
            return
        answer = self._waiting.pop(batch.origin.number, None)
        if answer is not None:
            answer(batch.outcome)
