"""History that people query, as a part of a server: written behind the venue, asked by REST calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from polyfeed.app.historian import ANSWER_SECONDS, MANY, WAITING
from polyfeed.app.replay import replay, standing_at
from polyfeed.model.batches import Batch
from polyfeed.model.history import HistoryUnavailable, Query
from polyfeed.store.history.asking import ask
from polyfeed.store.history.database import Database, DatabaseError
from polyfeed.store.history.writer import HistoryWriter

STOP_SECONDS = 1.0
"""What a stop waits for the last batches; those that it does not wait for are written at the next start."""

READERS = 2


class Past:
    """History of one venue, whose journal is in a directory. `epoch` and `venue` are the venue's."""

    def __init__(self, open_database: Callable[[], Database], journal: Path, epoch: int, venue: str = "") -> None:
        self.epoch = epoch
        self._open = open_database
        self._writer = HistoryWriter(
            open_database, partial(replay, journal), partial(standing_at, journal), epoch, venue, self._on_news
        )
        self._readers = ThreadPoolExecutor(READERS, "history-reader")
        self._idle: list[Database] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiters: dict[asyncio.Future[None], int] = {}
        self._asked = 0
        self._started = self._stopped = False

    @property
    def trouble(self) -> str:
        """Why history is not written any more, empty when it is."""
        return self._writer.trouble and f"history: {self._writer.trouble}"

    def start(self) -> None:
        """Begins to write what `publish` is given, if that has not begun."""
        if not self._started:
            self._started = True
            self._writer.start()

    def publish(self, batch: Batch) -> None:
        """Takes in a batch that was published, and returns at once."""
        self._writer.publish(batch)

    async def ask(self, query: Query, seq: int) -> Sequence[Any]:
        """The rows that answer a query, as of a batch or a later one, within ANSWER_SECONDS.

        Raises HistoryUnavailable.
        """
        if self._asked >= WAITING:
            raise HistoryUnavailable(MANY)
        self._asked += 1
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._written(seq)
                return await asyncio.get_running_loop().run_in_executor(self._readers, self._answer, query)
        except TimeoutError as error:
            raise HistoryUnavailable(
                f"history is at batch {self._writer.seq} and the venue at {seq}; ask again later"
            ) from error
        finally:
            self._asked -= 1

    async def stop(self) -> None:
        """Writes what is still to be written, then ends; questions that are not answered yet are not any more."""
        await asyncio.to_thread(self._writer.stop, STOP_SECONDS)
        self._stopped = True
        self._readers.shutdown(wait=False, cancel_futures=True)
        while (database := self._unused()) is not None:
            database.close()

    def metrics(self) -> list[str]:
        """Lines in Prometheus's text format."""
        writer = self._writer
        return [
            "# TYPE polyfeed_history_batch gauge",
            f"polyfeed_history_batch {writer.seq}",
            "# TYPE polyfeed_history_dropped_total counter",
            f"polyfeed_history_dropped_total {writer.dropped}",
            "# TYPE polyfeed_history_failures_total counter",
            f"polyfeed_history_failures_total {writer.failures}",
        ]

    async def _written(self, seq: int) -> None:
        """Returns when a batch is written. Raises HistoryUnavailable when that will not be."""
        self._loop = asyncio.get_running_loop()
        while self._writer.seq < seq:
            if self.trouble:
                raise HistoryUnavailable("history is not written any more; the server's log says why")
            news = self._loop.create_future()
            self._waiters[news] = seq
            # It may have been written after the loop looked and before it was to be told.
            self._wake()
            try:
                await news
            finally:
                self._waiters.pop(news, None)

    def _on_news(self) -> None:
        """On the writer's thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for news, seq in list(self._waiters.items()):
            if not news.done() and (self._writer.seq >= seq or self.trouble):
                news.set_result(None)

    # --- on a reader's thread ---------------------------------------------------------------------------------------

    def _answer(self, query: Query) -> Sequence[Any]:
        database = None
        try:
            database = self._unused()
            if database is None:
                database = self._open()
                database.bound(ANSWER_SECONDS)
            rows = ask(database, query)
        except BaseException as error:
            if database is not None:
                database.close()
            if isinstance(error, DatabaseError):
                raise HistoryUnavailable("history cannot be read now; ask again later") from error
            raise
        if self._stopped:
            database.close()
        else:
            self._idle.append(database)
        return rows

    def _unused(self) -> Database | None:
        """A connection that nobody uses; asking whether there is one first would be a race of the readers."""
        try:
            return self._idle.pop()
        except IndexError:
            return None
