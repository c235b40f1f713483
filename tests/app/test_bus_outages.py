"""NATS is away, full, or has lost a stream: what a venue and a gateway say meanwhile, and that they go on by themselves."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
from msgspec import structs
from nats.aio.client import Client

from polyfeed.app.bus_roles import connected
from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import Config, load
from polyfeed.app.gateway_bus import GatewayBus
from polyfeed.app.gateway_process import GatewayProcess
from polyfeed.app.nats_server import NatsServer
from polyfeed.app.store import opened
from polyfeed.app.venue_process import VenueProcess
from polyfeed.bus.nats.connection import jetstream
from polyfeed.bus.nats.entrance import LEASE_US
from polyfeed.bus.nats.lease import LEASE_SECONDS, Lease
from polyfeed.bus.nats.names import Names
from polyfeed.bus.nats.writer import StreamWriter
from polyfeed.dialects.registry import DIALECTS
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import SetLeverage
from polyfeed.model.enums import Refusal

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("nats")]

PATIENCE = 120.0


def config_of(url: str, state: Path, *settings: str) -> Config:
    given = [f"{name}.port=0" for name in (*DIALECTS, "http")]
    given += [
        f"bus.url={url}",
        f"server.state_dir={state}",
        "flow.demo=true",
        "flow.agents=1",
        "server.drain_seconds=1",
    ]
    return load(None, {}, [*given, f"store.journal={state / 'journal'}", *settings])


class Both:
    """A venue and a gateway on one NATS server."""

    def __init__(self, server: NatsServer, client: Client, venue: VenueProcess, gateway: GatewayProcess) -> None:
        self.server = server
        self.client = client
        self.venue = venue
        self.gateway = gateway

    @property
    def link(self) -> GatewayBus:
        return self.gateway._link

    async def ordered(self) -> Outcome:
        """What becomes of a command of the gateway's client. The demo's first account has no such instrument."""
        assert self.gateway.role is not None
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.gateway.role.gateway.requests.submit(SetLeverage(1, 10**6, 2), answer.set_result)
        return await asyncio.wait_for(answer, PATIENCE)

    async def refused(self, why: Refusal) -> None:
        """Returns when commands are refused for a reason."""
        async with asyncio.timeout(PATIENCE):
            while (await self.ordered()).refusal is not why:
                await asyncio.sleep(0.05)

    async def goes_on(self) -> None:
        """Returns when commands are decided, and batches come."""
        await until(lambda: not self.gateway.trouble and self.link.joined)
        async with asyncio.timeout(PATIENCE):
            while (await self.ordered()).refusal in {Refusal.VENUE_AWAY, Refusal.STORE_UNAVAILABLE}:
                await asyncio.sleep(0.05)
        seen = self.link.seq
        await until(lambda: self.link.seq > seen)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def both(
    directory: Path, *settings: str, url_of: Callable[[NatsServer], Awaitable[str]] | None = None
) -> AsyncIterator[Both]:
    """`url_of` gives the gateway's way to the server, where that is another one than the venue's."""
    server = NatsServer(directory / "nats")
    await server.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        config = config_of(server.url, directory, *settings)
        store = stack.enter_context(opened(config, Path(config.store.journal), SteadyClock()))
        client = await stack.enter_async_context(connected(config.bus, "venue"))
        venue = VenueProcess(config, client, Lease(client, Names(config.bus.name).bucket, 1), store)
        stack.push_async_callback(venue.stop)
        await asyncio.wait_for(venue.start(), PATIENCE)
        if url_of is not None:
            config = structs.replace(config, bus=structs.replace(config.bus, url=await url_of(server)))
        other = await stack.enter_async_context(connected(config.bus, "gateway"))
        gateway = GatewayProcess(config, other, SteadyClock())
        stack.push_async_callback(gateway.stop)
        await asyncio.wait_for(gateway.start(), PATIENCE)
        yield Both(server, client, venue, gateway)


@pytest.mark.parametrize("standby", [False, True])
async def test_all_of_nats_is_away_for_longer_than_leases_last(tmp_path: Path, standby: bool) -> None:
    async with both(tmp_path, f"bus.standby={str(standby).lower()}") as one:
        await one.goes_on()
        number = one.link.number
        await one.server.kill()
        await until(lambda: bool(one.gateway.trouble))
        assert (await one.ordered()).refusal is Refusal.VENUE_AWAY
        await asyncio.sleep(2 * LEASE_US / 1e6)
        await one.server.start()
        await one.goes_on()
        assert one.link.number == number, "nobody was heard, and nobody was silent: its orders are what they were"


@pytest.mark.parametrize("standby", [False, True])
async def test_an_operator_deletes_every_stream(tmp_path: Path, standby: bool) -> None:
    async with both(tmp_path, f"bus.standby={str(standby).lower()}") as one:
        await one.goes_on()
        reader = one.link._reader
        names = Names("polyfeed")
        streams = [names.batches_stream, f"OBJ_{names.store}", f"KV_{names.bucket}"]
        for stream in [*streams, names.records_stream] if standby else streams:
            await jetstream(one.client).delete_stream(stream)
        await until(lambda: bool(one.gateway.trouble) or one.link._reader is not reader)  # stale, or quicker than that
        await one.goes_on()
        assert not one.venue.trouble


@contextmanager
def small_disk(place: Path) -> Iterator[Callable[[bool], None]]:
    """A disk of its own at a place; what it gives fills it, and frees it again."""
    if os.geteuid():
        pytest.skip("to mount a disk takes root")
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a disk")
    ballast = place / "ballast"

    def fill(full: bool) -> None:
        if not full:
            ballast.unlink()
            return
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    try:
        yield fill
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("standby", [False, True])
async def test_the_disk_of_nats_is_full(tmp_path: Path, standby: bool) -> None:
    with small_disk(tmp_path / "nats") as fill:
        async with both(tmp_path, f"bus.standby={str(standby).lower()}") as one:
            await one.goes_on()
            fill(True)
            await until(lambda: bool(one.venue.trouble))
            if standby:
                await one.refused(Refusal.STORE_UNAVAILABLE)
            await until(lambda: bool(one.gateway.trouble))
            await one.refused(Refusal.VENUE_AWAY)
            fill(False)
            await (
                one.server.stop()
            )  # a stream whose blocks could not be written takes nothing until its server is another
            await one.server.start()
            await until(lambda: not one.venue.trouble)
            await one.goes_on()


async def test_a_venue_that_streams_take_nothing_of_vouches_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NATS may be cut in two, with another venue beyond the cut, and what it does without its streams works here: the
    venue hears its gateways, and answers them.
    """
    renew, send = Lease._renew, StreamWriter._send

    async def unheard(*_: object) -> None:
        await asyncio.sleep(0.1)
        raise TimeoutError

    async with both(tmp_path, "bus.standby=true") as one:
        await one.goes_on()
        monkeypatch.setattr(Lease, "_renew", unheard)
        await asyncio.sleep(LEASE_SECONDS + 4.0)
        await until(lambda: not one.gateway.trouble)  # each batch that the stream takes shows that nobody else writes
        monkeypatch.setattr(StreamWriter, "_send", unheard)
        await until(lambda: bool(one.gateway.trouble))
        assert one.client.is_connected
        await one.refused(Refusal.VENUE_AWAY)
        monkeypatch.setattr(Lease, "_renew", renew)
        monkeypatch.setattr(StreamWriter, "_send", send)
        await one.goes_on()


class Cable:
    """Between a gateway and its NATS server: what the server says is lost while it is cut."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self.cut = False

    async def lay(self) -> str:
        """The URL of its other end."""
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        return f"nats://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other = await asyncio.open_connection("127.0.0.1", self._port)
        self._ends |= {writer, other[1]}
        await asyncio.gather(self._carry(reader, other[1], back=False), self._carry(other[0], writer, back=True))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                if not (back and self.cut):
                    writer.write(data)
                    await writer.drain()
        writer.close()

    async def take_up(self) -> None:
        assert self._server is not None
        self._server.close()
        for one in self._ends:
            one.close()
        await self._server.wait_closed()


async def test_a_gateway_that_was_away_for_longer_than_its_lease_says_nothing_that_it_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its last command was decided, and what became of it was lost with much else: it goes on from an image."""
    monkeypatch.setattr("polyfeed.app.gateway_bus.FAR_BATCHES", 3)
    monkeypatch.setattr("polyfeed.app.gateway_bus.BATCHES_A_SECOND", 1)
    monkeypatch.setattr("polyfeed.app.gateway_bus.FAR_AGAIN_US", 0)
    cable: list[Cable] = []

    async def url_of(server: NatsServer) -> str:
        cable.append(Cable(server.port))
        return await cable[0].lay()

    async with both(tmp_path, url_of=url_of) as one:
        await one.goes_on()
        venue, number = one.venue, one.link.number
        cable[0].cut = True
        await stands_still(one.link)
        seq = one.link.seq
        answer = asyncio.ensure_future(one.ordered())
        await until(lambda: number in numbers_of(venue) and numbers_of(venue)[number] == one.link._courier.last)
        await until(lambda: number not in numbers_of(venue))
        assert one.link.seq == seq, "nothing is heard"
        assert not answer.done()
        cable[0].cut = False
        assert (await answer).refusal is Refusal.OUTCOME_UNKNOWN
        await one.goes_on()
        assert "goes on from an image" in caplog.text
        await cable[0].take_up()


async def stands_still(link: GatewayBus) -> None:
    """Returns when what was on its way has been heard: turns of the event loop are counted, for each may be a long one."""
    seen, turns = link.seq, 0
    async with asyncio.timeout(PATIENCE):
        while turns < 30:
            await asyncio.sleep(0.01)
            turns = turns + 1 if link.seq == seen else 0
            seen = link.seq


def numbers_of(venue: VenueProcess) -> dict[int, int]:
    """The last command of each gateway that the venue knows."""
    server = venue._server
    assert server is not None
    return server.sequencer.history.numbers
