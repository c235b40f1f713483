"""History in a running server: it is asked over HTTP, survives kills, and is made again from the journal."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from polyfeed.app.replay import replay
from polyfeed.store.file_journal import Terms
from polyfeed.store.segments import paths_in
from polyfeed.store.snapshots import snapshots_in
from tests.store.history.postgresql import server as postgresql
from tests.store.rig import write
from tests.store.server import Server

FLOW = ("flow.agents=10", "store.segment_records=500", "store.keep=all")
ENOUGH = 40


def get(server: Server, dialect: str, path: str) -> str:
    """The body of an answer; whoever is asked too early is asked again."""
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.ports[dialect]}{path}", timeout=30) as answer:
                body: bytes = answer.read()
            if not answer.headers["retry-after"]:
                return body.decode()
            assert body == b'{"error":["EService:Unavailable"]}'
        except urllib.error.HTTPError as error:
            with error:
                assert (error.code, error.headers["retry-after"]) == (503, "1")


def trades(server: Server, most: int) -> list[list[Any]]:
    """The first trades ever, page by page, as a client of Kraken's gets them; at most so many."""
    rows: list[list[Any]] = []
    since = "1"
    while len(rows) < most:
        result = json.loads(get(server, "kraken", f"/0/public/Trades?pair=XBTUSD&since={since}&count=15"))["result"]
        page, since = result["XXBTZUSD"], result["last"]
        if not page:
            break
        rows += page
    return rows[:most]


def traded(server: Server) -> list[list[Any]]:
    """The first trades, when there are enough."""
    while True:
        rows = trades(server, ENOUGH)
        if len(rows) == ENOUGH:
            return rows


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts servers on one journal; whoever is left is stopped."""
    started: list[Server] = []

    def one(*settings: str, words: tuple[str, ...] = ("--demo",)) -> Server:
        started.append(Server(tmp_path, *FLOW, *settings, words=words))
        return started[-1]

    yield one
    for server in started:
        if server.process.poll() is None:
            server.kill()


@pytest.mark.slow
def test_a_server_that_was_killed_goes_on(tmp_path: Path, start: Start) -> None:
    first = start()
    rows = traded(first)
    metrics = get(first, "http", "/metrics")
    assert "polyfeed_history_failures_total 0" in metrics
    first.kill()
    again = start("flow.agents=0")
    assert trades(again, ENOUGH) == rows
    again.kill()
    for file in tmp_path.glob("history.sqlite*"):
        file.unlink()
    anew = start("flow.agents=0")
    assert trades(anew, ENOUGH) == rows, "written anew from the journal"
    assert "history" not in anew.stop()


@pytest.mark.slow
@pytest.mark.xdist_group("postgresql")
def test_a_server_that_keeps_it_in_postgresql(tmp_path: Path, start: Start) -> None:
    with postgresql() as store:
        first = start(words=("--demo", "--store", store.url))
        rows = traded(first)
        first.kill()
        again = start("flow.agents=0", words=("--demo", "--store", store.url))
        assert trades(again, ENOUGH) == rows
        assert not list(tmp_path.glob("history*"))
        again.stop()


async def test_batches_are_made_again_from_any_place(tmp_path: Path) -> None:
    rig = await write(tmp_path, 900, Terms(segment_records=200))
    batches, last = rig.batches, rig.batches[-1].seq
    assert list(replay(tmp_path, 1, last)) == batches
    for first, until in ((1, 1), (150, 420), (last, last)):
        assert [one.seq for one in replay(tmp_path, first, until) if one.seq <= until] == [*range(first, until + 1)]
    assert len(paths_in(tmp_path)) > 3
    assert not snapshots_in(tmp_path)
    paths_in(tmp_path)[0].unlink()
    with pytest.raises(ValueError, match="missing"):
        list(replay(tmp_path, 1, last))
