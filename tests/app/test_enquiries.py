"""Questions over a line between two processes: each gets its own answer, whatever order they come in, or none."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from polyfeed.app.enquiries import Answering, Asking
from polyfeed.app.historian import NOBODY, HistoryRole, RemoteHistorian
from polyfeed.bus.link import Link
from polyfeed.model.history import HistoryUnavailable, Query, RateRow, RatesOf

QUESTION, ANSWER = 1, 2


class Slow:
    """Answers a question about a market when that market's turn comes; `seen` are those that have asked."""

    epoch = 1

    def __init__(self) -> None:
        self.turns: dict[int, asyncio.Future[None]] = {}
        self.seen = asyncio.Condition()

    async def ask(self, query: Query, seq: int) -> Sequence[Any]:
        assert isinstance(query, RatesOf)
        turn = self.turns[query.instrument] = asyncio.get_running_loop().create_future()
        async with self.seen:
            self.seen.notify_all()
        await turn
        return [RateRow(seq, query.instrument, 0)]

    async def until(self, count: int) -> None:
        """Waits until so many have asked."""
        async with asyncio.timeout(10), self.seen:
            await self.seen.wait_for(lambda: len(self.turns) == count)


class Ends:
    """A line, with a gateway's process at one end of it and the venue's at the other."""

    def __init__(self) -> None:
        self.slow = Slow()
        self.heard = 0
        self.gateway = Link(self._on_answer, lambda: self.asking.end())
        self.venue = Link(lambda _, payload: self.answering.hear(payload), lambda: self.answering.end())
        self.asking = Asking(lambda data: self.gateway.send(QUESTION, data))
        self.answering = Answering(HistoryRole(self.slow), lambda data: self.venue.send(ANSWER, data))
        self.historian = RemoteHistorian(1, self.asking.request)

    def _on_answer(self, kind: int, payload: bytes) -> None:
        self.heard += 1
        self.asking.hear(payload)

    def ask(self, instrument: int) -> asyncio.Task[Sequence[Any]]:
        return asyncio.create_task(self.historian.ask(RatesOf(instrument=instrument), instrument + 100))


@asynccontextmanager
async def line() -> AsyncIterator[Ends]:
    ours, theirs = socket.socketpair()
    ends, loop = Ends(), asyncio.get_running_loop()
    await loop.create_connection(lambda: ends.gateway, sock=ours)
    await loop.create_connection(lambda: ends.venue, sock=theirs)
    yield ends
    ends.gateway.abort()
    ends.venue.abort()


async def test_each_question_gets_its_answer_in_any_order() -> None:
    async with line() as ends:
        asked = [ends.ask(number) for number in range(5)]
        await ends.slow.until(5)
        for number in (3, 0, 4, 2, 1):
            ends.slow.turns[number].set_result(None)
            assert await asked[number] == [RateRow(number + 100, number, 0)]


async def test_an_answer_that_nobody_waits_for_any_more_is_dropped() -> None:
    async with line() as ends:
        first, second = ends.ask(0), ends.ask(1)
        await ends.slow.until(2)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        for turn in ends.slow.turns.values():
            turn.set_result(None)
        assert await second == [RateRow(101, 1, 0)]
        assert ends.heard == 2


async def test_a_line_that_ends_answers_nobody() -> None:
    async with line() as ends:
        asked = [ends.ask(number) for number in range(3)]
        await ends.slow.until(3)
        ends.venue.abort()
        for task in (*asked, ends.ask(4)):
            with pytest.raises(HistoryUnavailable, match=NOBODY):
                await task


async def test_questions_of_whoever_is_gone_are_dropped() -> None:
    async with line() as ends:
        asked = [ends.ask(number) for number in range(3)]
        await ends.slow.until(3)
        ends.gateway.abort()
        await asyncio.gather(*asked, return_exceptions=True)
        async with asyncio.timeout(10):
            await asyncio.wait(ends.slow.turns.values())
        assert all(turn.cancelled() for turn in ends.slow.turns.values())
