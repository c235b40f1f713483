"""History as a part of a server: questions wait for it, but not long, and not too many of them."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from polyfeed.app import past as module
from polyfeed.app.past import Past
from polyfeed.model.history import HistoryUnavailable, OrdersOf, TradesOf
from polyfeed.store.history.database import Database, DatabaseError
from polyfeed.store.history.history import FILE, opener
from polyfeed.store.history.sqlite import SqliteDatabase
from tests.store.history.contract import flows

PATIENCE_SECONDS = 60.0
"""What a question waits where that bound is not the point: a busy machine is late."""

QUERY = OrdersOf(accounts=(1,))
BATCHES = flows()[0][:200]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", PATIENCE_SECONDS)


@asynccontextmanager
async def running(directory: Path, open_database: Callable[[], Database] | None = None) -> AsyncIterator[Past]:
    past = Past(open_database or opener("sqlite", directory), directory, 1, "aa")
    past.start()
    try:
        yield past
    finally:
        await past.stop()


def down() -> Database:
    raise DatabaseError("down")


async def test_a_question_waits_for_what_was_published(tmp_path: Path) -> None:
    async with running(tmp_path) as past:
        asked = asyncio.create_task(past.ask(TradesOf(instrument=0), BATCHES[-1].seq))
        await asyncio.sleep(0)
        assert not asked.done()
        for batch in BATCHES:
            past.publish(batch)
        assert await asked


async def test_all_that_wait_wait_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few readers there are, and readers are free for those that need not wait."""
    monkeypatch.setattr(module, "WAITING", 20)
    async with running(tmp_path) as past:
        for batch in BATCHES:
            past.publish(batch)
        await past.ask(QUERY, BATCHES[-1].seq)
        waiting = [asyncio.create_task(past.ask(QUERY, 1_000_000)) for _ in range(19)]
        await asyncio.sleep(0)
        assert await past.ask(TradesOf(instrument=0), BATCHES[-1].seq)
        assert not any(task.done() for task in waiting)
        waiting.append(asyncio.create_task(past.ask(QUERY, 1_000_000)))
        await asyncio.sleep(0)
        with pytest.raises(HistoryUnavailable, match="too many questions"):
            await past.ask(QUERY, 1)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert await past.ask(TradesOf(instrument=0), 1)


async def test_a_question_is_refused_when_history_does_not_come_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.01)
    async with running(tmp_path, down) as past:
        past.publish(BATCHES[0])
        with pytest.raises(HistoryUnavailable, match="history is at batch 0 and the venue at 1"):
            await past.ask(QUERY, 1)
        assert past.trouble == ""


async def test_a_question_that_takes_too_long_ends(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / FILE)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n"
    database.bound(0.01)
    with pytest.raises(DatabaseError, match="interrupted"):
        database.query(endless)
    assert database.query("SELECT 1") == [(1,)]
    database.close()


async def test_a_stop_does_not_wait_for_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, free, closed = threading.Event(), threading.Event(), threading.Event()

    def slow(database: Database, query: object) -> list[object]:
        entered.set()
        free.wait()
        return []

    class Told(SqliteDatabase):
        def close(self) -> None:
            super().close()
            closed.set()

    monkeypatch.setattr(module, "ask", slow)
    past = Past(lambda: Told(tmp_path / FILE), tmp_path, 1)
    asked = asyncio.create_task(past.ask(QUERY, 0))
    await asyncio.to_thread(entered.wait)
    await past.stop()
    assert not asked.done()
    assert not closed.is_set()
    free.set()
    assert await asked == []
    assert closed.wait(10)


async def test_a_connection_that_failed_is_not_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[SqliteDatabase] = []

    def reach() -> Database:
        opened.append(SqliteDatabase(tmp_path / FILE))
        return opened[-1]

    def fail(database: Database, query: object) -> list[object]:
        raise ZeroDivisionError

    past = Past(reach, tmp_path, 1)
    with monkeypatch.context() as patch:
        patch.setattr(module, "ask", fail)
        with pytest.raises(ZeroDivisionError):
            await past.ask(QUERY, 0)
    with pytest.raises(DatabaseError, match="closed"):
        opened[0].query("SELECT 1")
    with pytest.raises(HistoryUnavailable):
        await past.ask(QUERY, 0)  # there are no tables
    await past.stop()


async def test_readers_share_connections_one_at_a_time(tmp_path: Path) -> None:
    async with running(tmp_path) as past:
        for batch in BATCHES:
            past.publish(batch)
        queries = [past.ask(TradesOf(instrument=0), BATCHES[-1].seq) for _ in range(200)]
        answers = await asyncio.gather(*queries)
        assert len(answers) == 200
        assert all(answer == answers[0] for answer in answers)
        assert len(past._idle) <= module.READERS


async def test_a_writer_that_gave_up_is_told_of(tmp_path: Path) -> None:
    async with running(tmp_path) as past:
        past.publish(BATCHES[0])
        await past.ask(QUERY, 1)
    other = Past(opener("sqlite", tmp_path), tmp_path, 1, "bb")
    other.start()
    other.publish(BATCHES[0])
    with pytest.raises(HistoryUnavailable, match="not written any more"):
        await other.ask(QUERY, 1)
    assert other.trouble.startswith("history: the database has the history of venue aa")
    await other.stop()


async def test_nobody_else_can_read_the_files(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    async with running(tmp_path) as past:
        past.publish(BATCHES[0])
        await past.ask(QUERY, 1)
        files = sorted(tmp_path.glob("history.sqlite*"))
        assert len(files) == 3
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        assert database.execute("SELECT seq FROM progress").fetchone() == (1,)
