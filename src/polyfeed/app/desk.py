"""Commands from this process whose outcome somebody waits for."""

from __future__ import annotations

import asyncio

from polyfeed.model.batches import Batch, Outcome
from polyfeed.model.commands import AnyCommand, Origin
from polyfeed.sequencer.sequencer import Sequencer


class Desk:
    """Numbers commands and gives each waiter the outcome of its own."""

    def __init__(self, sequencer: Sequencer) -> None:
        self._sequencer = sequencer
        self._waiting: dict[int, asyncio.Future[Outcome]] = {}
        self._number = 0

    async def execute(self, command: AnyCommand) -> Outcome:
        """Submits a command and returns its outcome once its batch is there."""
        self._number += 1
        number = self._number
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._sequencer.submit(command, Origin(gateway=0, number=number, session=0, request=0))
        try:
            return await future
        finally:
            del self._waiting[number]

    def on_batch(self, batch: Batch) -> None:
        """Looks whether the batch answers a command of this desk."""
        if batch.origin is None or batch.origin.gateway != 0:
            return
        future = self._waiting.get(batch.origin.number)
        if future is not None and not future.done():
            future.set_result(batch.outcome)
