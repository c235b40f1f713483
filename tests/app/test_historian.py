"""History of another process: the same rows, the same refusals, and never longer than a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from polyfeed.accounts.accounts import Accounts
from polyfeed.accounts.vault import Vault
from polyfeed.app import historian as module
from polyfeed.app import past as past_module
from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import load
from polyfeed.app.gateway_role import GatewayRole, Memory
from polyfeed.app.historian import MANY, NOBODY, HistoryRole, RemoteHistorian
from polyfeed.app.past import Past
from polyfeed.bus.memory import MemoryBus
from polyfeed.bus.questions import decode_answer, encode_question
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.enums import Detail
from polyfeed.model.history import CandlesOf, HistoryUnavailable, Query, RateRow, RatesOf, TradesOf
from polyfeed.sources.demo import listing_events
from polyfeed.sources.pairs import currencies_of, instruments_of, read_pairs
from polyfeed.store.history.history import opener
from tests.store.history.contract import flows, queries
from tests.store.history.naive import Naive

PATIENCE_SECONDS = 60.0
"""What a question waits where that bound is not the point: a busy machine is late."""

QUERY = RatesOf(instrument=0)


class Says:
    """A historian that answers all questions in one way."""

    epoch = 7

    def __init__(self, rows: Sequence[Any] | Exception) -> None:
        self.asked: list[tuple[Query, int]] = []
        self._rows = rows

    async def ask(self, query: Query, seq: int) -> Sequence[Any]:
        self.asked.append((query, seq))
        if isinstance(self._rows, Exception):
            raise self._rows
        return self._rows


async def never(data: bytes) -> bytes:
    await asyncio.Event().wait()
    return b""


@pytest.mark.parametrize("number", range(3))
async def test_another_process_gets_the_rows_that_its_own_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(past_module, "ANSWER_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(module, "REMOTE_SECONDS", PATIENCE_SECONDS)
    batches = flows()[number]
    past = Past(opener("sqlite", tmp_path), tmp_path, 1)
    past.start()
    for batch in batches:
        past.publish(batch)
    remote = RemoteHistorian(past.epoch, HistoryRole(past).answer)
    answered = 0
    for query in queries(Random(number), Naive(batches)):
        rows = await past.ask(query, batches[-1].seq)
        assert list(await remote.ask(query, batches[-1].seq)) == list(rows), query
        answered += bool(rows)
    assert answered > 60
    await past.stop()


async def test_a_refusal_says_in_the_other_process_what_it_says_here() -> None:
    role = HistoryRole(Says(HistoryUnavailable("history is at batch 3 and the venue at 4")))
    remote = RemoteHistorian(role.epoch, role.answer)
    assert remote.epoch == 7
    with pytest.raises(HistoryUnavailable, match=r"^history is at batch 3 and the venue at 4$"):
        await remote.ask(QUERY, 4)


async def test_a_fault_of_history_is_a_refusal_too(caplog: pytest.LogCaptureFixture) -> None:
    role = HistoryRole(Says(ZeroDivisionError("never mind")))
    with pytest.raises(HistoryUnavailable, match="the venue's log says why"):
        await RemoteHistorian(role.epoch, role.answer).ask(QUERY, 4)
    assert "never mind" in caplog.text


async def test_what_is_no_question_is_refused() -> None:
    answer = await HistoryRole(Says([])).answer(b"hello")
    with pytest.raises(HistoryUnavailable, match="not a question about history: "):
        decode_answer(QUERY, answer)


async def test_an_answer_that_cannot_be_read_is_none(caplog: pytest.LogCaptureFixture) -> None:
    async def garbage(data: bytes) -> bytes:
        assert data == encode_question(QUERY, 4)
        return b"hello"

    with pytest.raises(HistoryUnavailable, match=NOBODY):
        await RemoteHistorian(1, garbage).ask(QUERY, 4)
    assert "not an answer to RatesOf" in caplog.text


async def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMOTE_SECONDS", 0.01)
    with pytest.raises(HistoryUnavailable, match=NOBODY):
        await RemoteHistorian(1, never).ask(QUERY, 4)


async def test_not_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING", 3)
    remote = RemoteHistorian(1, never)
    asked = [asyncio.create_task(remote.ask(QUERY, 4)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(HistoryUnavailable, match=MANY):
        await remote.ask(QUERY, 4)
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    monkeypatch.setattr(module, "REMOTE_SECONDS", 0.01)
    with pytest.raises(HistoryUnavailable, match=NOBODY):
        await remote.ask(QUERY, 4)


async def test_a_way_that_is_broken_is_nobody() -> None:
    async def broken(data: bytes) -> bytes:
        raise ConnectionResetError

    with pytest.raises(HistoryUnavailable, match=NOBODY):
        await RemoteHistorian(1, broken).ask(QUERY, 4)


async def test_a_gateway_asks_as_of_the_last_batch_that_it_has_heard_and_its_memory_about_recordings() -> None:
    pairs = read_pairs()[:2]
    venue, recorded = instruments_of(pairs)
    recorded = replace(recorded, detail=Detail.LEVELS)
    bus, market = MemoryBus(), Market()
    historian = Says([RateRow(1, 2, 3)])
    memory, clock = Memory(market, Accounts()), SteadyClock()
    role = GatewayRole(load(None, {}, []), 1, bus, memory, Vault(bytes(32)), lambda _: None, clock, historian)
    bus.publish(Batch(7, 1, 1, public=listing_events(currencies_of(pairs), [venue, recorded])))
    bus.publish(Batch(7, 2, 2))
    bus.publish(Batch(8, 1, 3))
    for query in (TradesOf(instrument=venue.id), CandlesOf(instrument=venue.id, interval=60), QUERY):
        assert await role.ask(query) == [RateRow(1, 2, 3)]
        assert historian.asked.pop() == (query, 2)
    for query in (TradesOf(instrument=recorded.id), CandlesOf(instrument=recorded.id, interval=60)):
        assert await role.ask(query) == []
        assert historian.asked == []
