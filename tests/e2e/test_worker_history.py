"""Gateways in processes of their own answer calls about the past as one that has history in its own process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from polyfeed.app import historian, past
from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import load
from polyfeed.app.flow import demo_flow
from polyfeed.app.server import Server
from polyfeed.app.store import opened
from polyfeed.dialects._base.rest import RestRequest
from polyfeed.dialects.registry import DIALECTS
from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import OrderKind, Side
from polyfeed.model.instruments import Instrument
from tests.dialects.bitstamp.signing import signed
from tests.e2e.ekiden_client import BOB, Api
from tests.e2e.rails_client import token_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("worker_history")]

WORKERS = 2
TAKER, MAKER = 1001, 1002
ROUNDS, TURNS = 1_050, 550
"""Of the memory's 1,000 trades and fills, 1,000 orders of an account, and 720 candles, each has more."""

ASKED = 4
"""Calls at one time: there are threads for these on any machine."""

SECOND, MINUTE, HOUR = 1_000_000, 60_000_000, 3_600_000_000


class Body(NamedTuple):
    """An answer to a call."""

    status: int
    retry: str | None
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class Past:
    """A clock that is stepped, in the past: those that tell the time come after it. It begins on the hour, so that no
    position is open at another one: funding would be a row more.
    """

    def __init__(self) -> None:
        self.now = (SteadyClock()() // HOUR) * HOUR - 20 * HOUR

    def __call__(self) -> int:
        return self.now


@asynccontextmanager
async def serving(directory: Path, *settings: str, now: Callable[[], int] | None = None) -> AsyncIterator[Server]:
    """A demo in which nobody trades but the test."""
    given = [f"{name}.port=0" for name in (*DIALECTS, "http")]
    given += ["flow.demo=true", "flow.agents=0", "flow.capture=off", f"server.state_dir={directory}"]
    given += ["server.drain_seconds=1", "rails.limits=false", "ekiden.rest_rate=0", "store.fsync=off", *settings]
    config, clock = load(None, {}, given), now or SteadyClock()
    with ExitStack() as held:
        place = directory / "journal"
        place.mkdir(exist_ok=True)
        store = held.enter_context(opened(config, place, clock))
        market = store.replica.market
        server = Server(config, clock, market, demo_flow(config.flow, market), store)
        await server.start()
        try:
            yield server
        finally:
            await server.stop()


async def trade(server: Server, clock: Past) -> None:
    """Spot trades a minute after each other, then positions that are opened and closed."""
    named = {state.instrument.name: state.instrument for state in server.market.instruments}

    async def match(market: Instrument, side: Side, price: int, name: str) -> None:
        size = market.min_size * 10
        clock.now += SECOND
        server.sequencer.submit(
            PlaceOrder(MAKER, market.id, Side(1 - side), OrderKind.LIMIT, size, price, client_id=name)
        )
        await server.carry_out(PlaceOrder(TAKER, market.id, side, OrderKind.LIMIT, size, price, client_id=name))

    spot, perpetual = named["BTC-USD"], named["BTC-USD-PERP"]
    for number in range(ROUNDS):
        await match(spot, Side.BUY, 58_000 * 10**spot.price_scale + number % 7 * 100_000, f"s{number}")
        clock.now += MINUTE - SECOND
    for number in range(TURNS):
        for side in (Side.BUY, Side.SELL):
            await match(perpetual, side, 58_000 * 10**perpetual.price_scale, f"p{number}")


async def asked(server: Server, dialect: str, request: RestRequest) -> Body:
    """The answer to a call, on a connection of its own, which any worker may get."""
    query = f"?{request.raw_query}" if request.raw_query else ""
    url = f"http://127.0.0.1:{server.ports[dialect]}{request.path}{query}"
    call = urllib.request.Request(url, request.body or None, request.headers, method=request.method)

    def ask() -> Body:
        try:
            with urllib.request.urlopen(call, timeout=30) as answer:
                return Body(answer.status, answer.headers["retry-after"], answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Body(error.code, error.headers["retry-after"], error.read())

    return await asyncio.to_thread(ask)


class Client:
    """One user's calls to all exchanges."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._headers: dict[str, dict[str, str]] = {"kraken": {}}

    async def log_in(self) -> Client:
        ekiden = Api(self._server.ports["ekiden"], BOB)
        await ekiden.log_in(os.urandom(8).hex())
        rails = await token_of(self._server.ports["rails"], "demo2")
        self._headers |= {"ekiden": {"authorization": f"Bearer {ekiden.token}"}}
        self._headers |= {"rails": {"authorization": f"Bearer {rails}"}}
        return self

    async def get(self, dialect: str, path: str, **query: object) -> Body:
        text = urlencode(query)
        if dialect == "bitstamp":
            return await asked(self._server, dialect, RestRequest("GET", path, raw_query=text))
        request = RestRequest("GET", path, headers=self._headers[dialect], raw_query=text)
        return await asked(self._server, dialect, request)

    async def sign(self, path: str, **form: object) -> Body:
        """A signed call to Bitstamp."""

        class Desk(NamedTuple):
            now: int

        host = f"127.0.0.1:{self._server.ports['bitstamp']}"
        nonce = f"{os.urandom(18).hex()}"
        desk: Any = Desk(SteadyClock()())
        return await asked(self._server, "bitstamp", signed(desk, "demo2", path, form, host=host, nonce=nonce))


async def pages(ask: Callable[[str], Any], rows: str, cursor: str) -> list[Body]:
    """Answers, each of which names where the next one goes on."""
    found: list[Body] = []
    place = ""
    while not found or (place and found[-1].json[rows]):
        found.append(await ask(place))
        assert found[-1].status == 200, found[-1]
        place = found[-1].json.get(cursor, "")
    return found


async def everything(client: Client, started: int) -> dict[str, list[Body]]:
    """Every call that history answers, paged to its end."""
    first, last = started // 1000, started // 1000 + 19 * 3_600_000
    long_ago = {"start_time": first, "end_time": first + 200 * 60_000}

    async def kraken() -> list[Body]:
        found, since = [], "1"
        while not found or found[-1].json["result"]["XXBTZUSD"]:
            found.append(await client.get("kraken", "/0/public/Trades", pair="XBTUSD", since=since, count=300))
            since = found[-1].json["result"]["last"]
        return found

    def ekiden(path: str, limit: int = 300, **query: object) -> Any:
        def ask(cursor: str) -> Any:
            return client.get("ekiden", f"/api/v1{path}", limit=limit, cursor=cursor, **query)

        return pages(ask, "list", "next_page_cursor")

    def rails(start: str) -> Any:
        return client.get("rails", "/api/v1/completed-orders", **({"start": start} if start else {}))

    mine = await ekiden("/order/history")
    oldest = mine[-1].json["list"][-1]["order_id"] if mine[-1].json["list"] else mine[-2].json["list"][-1]["order_id"]
    transactions = [await client.sign("user_transactions/btcusd/", sort="asc", since_id=1)]
    number = transactions[0].json[0]["order_id"]
    return {
        "kraken trades": await kraken(),
        "bitstamp user_transactions": transactions,
        "bitstamp offset": [await client.sign("user_transactions/", offset=1900, limit=100)],
        "bitstamp order_status": [await client.sign("order_status/", id=number)],
        "bitstamp order_status by name": [await client.sign("order_status/", client_order_id="s3")],
        "bitstamp transactions": [await client.get("bitstamp", "/api/v2/transactions/btcusd/", time="day")],
        "bitstamp ohlc": [
            await client.get("bitstamp", "/api/v2/ohlc/btcusd/", step=60, limit=1000, end=first // 1000 + 200 * 60)
        ],
        "rails completed-orders": await pages(rails, "completedOrders", "last"),
        "ekiden order/history": mine,
        "ekiden order/history by name": await ekiden("/order/history", order_link_id="s3"),
        "ekiden order/realtime": await ekiden("/order/realtime", order_id=oldest, open_only="false"),
        "ekiden execution/list": await ekiden("/execution/list"),
        "ekiden closed-pnl": await ekiden("/position/closed-pnl"),
        "ekiden kline": [
            await client.get("ekiden", "/api/v1/market/kline", symbol="BTC-USD", interval="1m", **long_ago)
        ],
        "ekiden mark-price-kline": [
            await client.get("ekiden", "/api/v1/market/mark-price-kline", symbol="BTC-USDC", interval="1m", **long_ago)
        ],
        "ekiden funding/history": [
            await client.get("ekiden", "/api/v1/market/funding/history", symbol="BTC-USDC", end_time=last)
        ],
    }


def rows_of(bodies: list[Body]) -> int:
    """How many rows all pages have."""
    count = 0
    for body in bodies:
        found = body.json
        if isinstance(found, dict):
            found = found.get("result", found.get("data", found))
            found = next((one for one in found.values() if isinstance(one, list)), [found])
        count += len(found)
    return count


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A journal with more than memory holds, and when it began."""
    directory, clock = tmp_path_factory.mktemp("worker_history"), Past()
    started = clock.now

    async def write() -> None:
        async with serving(directory, now=clock) as server:
            await trade(server, clock)

    asyncio.run(write())
    yield directory, started


async def ready(client: Client) -> None:
    """Waits until history has come up with the venue."""
    async with asyncio.timeout(60):
        while (await client.get("kraken", "/0/public/Trades", pair="XBTUSD", since=1)).retry:
            await asyncio.sleep(0.05)


async def test_workers_answer_as_a_single_process(written: tuple[Path, int]) -> None:
    directory, started = written
    async with serving(directory) as server:
        client = await Client(server).log_in()
        await ready(client)
        expected = await everything(client, started)
    counts = {name: rows_of(bodies) for name, bodies in expected.items()}
    assert not [(name, body) for name, bodies in expected.items() for body in bodies if body.status != 200]
    assert counts == counts | {
        "kraken trades": ROUNDS,
        "bitstamp transactions": ROUNDS,
        "rails completed-orders": ROUNDS + 2 * TURNS,
        "ekiden execution/list": ROUNDS + 2 * TURNS,
        "ekiden order/history": ROUNDS + 2 * TURNS,
        "ekiden closed-pnl": TURNS,
    }
    assert min(counts.values()) > 0, counts
    async with serving(directory, f"server.workers={WORKERS}") as server:
        client = await Client(server).log_in()
        await ready(client)
        for _ in range(2):  # connections go to any worker
            found = await everything(client, started)
            assert found.keys() == expected.keys()
            for name, bodies in expected.items():
                assert found[name] == bodies, name


def processes(server: Server) -> list[int]:
    assert server.workers is not None
    return [pid for pid in server.workers.pids() if pid is not None]


async def test_a_worker_that_dies_while_it_asks_disturbs_nobody(
    written: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(written[0], f"server.workers={WORKERS}") as server:
        client = await Client(server).log_in()
        await ready(client)
        assert server.past is not None
        ask, held, free = server.past.ask, asyncio.Semaphore(0), asyncio.Event()

        async def later(query: Any, seq: int) -> Any:
            held.release()
            await free.wait()
            return await ask(query, seq)

        def calls() -> list[asyncio.Task[Body]]:
            given = {"pair": "XBTUSD", "since": 1, "count": 5}
            return [asyncio.create_task(client.get("kraken", "/0/public/Trades", **given)) for _ in range(ASKED)]

        with monkeypatch.context() as patch:
            patch.setattr(server.past, "ask", later)
            first = calls()
            for _ in first:
                await held.acquire()
            before = processes(server)
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            assert all(isinstance(one, OSError) for one in await asyncio.gather(*first, return_exceptions=True))
            async with asyncio.timeout(60):
                while (
                    server.workers is None or server.workers.alive() < WORKERS or set(before) & set(processes(server))
                ):
                    await asyncio.sleep(0.05)
            # Those that came in their place ask for themselves, and hear nothing of what the dead have asked.
            again = calls()
            for _ in again:
                await held.acquire()
            free.set()
            bodies = await asyncio.gather(*again)
        assert {len(one.json["result"]["XXBTZUSD"]) for one in bodies} == {5}
        assert len(set(bodies)) == 1
        assert server.trouble == ""


REFUSED = [
    Body(200, "1", b'{"error":["EService:Unavailable"]}'),
    *(
        Body(
            503,
            "1",
            b'{"status": "error", "reason": {"__all__": ["too many questions wait for history; ask again later"]}, '
            b'"response_code": "500.002"}',
        ),
    )
    * 2,
    Body(503, "1", b'{"message":"too many questions wait for history; ask again later"}'),
    Body(
        503,
        "1",
        b'{"error_code":2005,"error_message":"too many questions wait for history; ask again later",'
        b'"error":"too many questions wait for history; ask again later",'
        b'"message":"too many questions wait for history; ask again later"}',
    ),
]


async def test_what_history_refuses_the_workers_refuse(
    written: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the same words as the venue's own process."""
    monkeypatch.setattr(historian, "WAITING", 0)
    monkeypatch.setattr(past, "WAITING", 0)
    for settings in ((), (f"server.workers={WORKERS}",)):
        async with serving(written[0], *settings) as server:
            client = await Client(server).log_in()
            refused = [
                await client.get("kraken", "/0/public/Trades", pair="XBTUSD", since=1),
                await client.get("bitstamp", "/api/v2/transactions/btcusd/", time="day"),
                await client.sign("user_transactions/"),
                await client.get("rails", "/api/v1/completed-orders"),
                await client.get("ekiden", "/api/v1/order/history"),
            ]
        assert refused == REFUSED, settings


async def test_without_history_workers_answer_from_memory(written: tuple[Path, int]) -> None:
    directory, started = written
    async with serving(directory, f"server.workers={WORKERS}", "store.history=off") as server:
        assert server.past is None
        client = await Client(server).log_in()
        found = await client.get("kraken", "/0/public/Trades", pair="XBTUSD", since=1, count=1000)
        assert len(found.json["result"]["XXBTZUSD"]) == 1000
        assert found.json["result"]["XXBTZUSD"][0][2] > started / SECOND + 49 * 60, "the last thousand of more"
