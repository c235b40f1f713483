"""Venues that follow one another on a real NATS server: each has the whole journal, and comes back to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from nats.aio.client import Client

from polyfeed.app.config import Config, load
from polyfeed.app.nats_server import NatsServer
from polyfeed.app.standby import NoStandby, Standby
from polyfeed.app.store import Store, opened
from polyfeed.bus.nats.connection import connect, jetstream
from polyfeed.bus.nats.lease import Lease
from polyfeed.bus.nats.names import Names
from polyfeed.bus.tasks import cancelled
from polyfeed.model.commands import Clock, Record
from polyfeed.store.segments import header_of, paths_in, venue_in

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("nats")]

NAMES = Names("polyfeed")
CONFIG = load(None, {}, ("bus.replicas=1", "store.history=off", "store.snapshots=false"))
PATIENCE = 30.0


@asynccontextmanager
async def nats(directory: Path) -> AsyncIterator[str]:
    server = NatsServer(directory)
    await server.start()
    try:
        await server.until_ready()
        yield server.url
    finally:
        await server.stop()


class Process:
    """What a venue's process has: a connection, a lease, a store, and its part as a standby."""

    def __init__(self, client: Client, store: Store) -> None:
        self.client = client
        self.lease = Lease(client, Names(CONFIG.bus.name).bucket, 1)
        self.store = store
        self.standby = Standby(client, CONFIG.bus, store)

    async def until_venue(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self.standby.until_venue(self.lease)

    async def until_it_has(self, records: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.store.replica.history.records < records:
                await asyncio.sleep(0.01)

    async def record(self, times: int) -> None:
        """As the venue: so many commands become durable, and are carried out."""
        writing = asyncio.create_task(self.standby.writer.run())
        journal = self.standby.journal
        for _ in range(times):
            record = Record(self.store.replica.history.ts + 1, Clock())
            journal.append(record)
            await journal.sync()
            self.store.replica.take(record)
        await cancelled([writing])

    async def end(self) -> None:
        await self.lease.leave()
        await self.store.file.close()


@asynccontextmanager
async def process(url: str, directory: Path, config: Config = CONFIG) -> AsyncIterator[Process]:
    directory.mkdir(exist_ok=True)
    client = await connect(url, "a test")
    try:
        with opened(config, directory, lambda: 1) as store:
            one = Process(client, store)
            try:
                yield one
            finally:
                await one.end()
    finally:
        await client.close()


async def test_each_takes_over_from_the_other_again_and_again(tmp_path: Path) -> None:
    """A standby's journal is the venue's in name too: it comes back to it as a standby."""
    paths = [tmp_path / "a", tmp_path / "b"]
    async with nats(tmp_path / "nats") as url:
        for round in range(6):
            async with process(url, paths[round % 2]) as venue:
                assert await venue.until_venue() == round + 1
                assert venue.store.replica.history.records == 5 * round
                async with process(url, paths[1 - round % 2]) as other:
                    following = asyncio.create_task(other.until_venue())
                    await venue.record(5)
                    await other.until_it_has(5 * round + 5)
                    assert other.store.replica.state_hash() == venue.store.replica.state_hash()
                    assert [one.seq for one in other.standby.recent][-5:] == [*range(5 * round + 1, 5 * round + 6)]
                    await cancelled([following])
        assert venue_in(paths[0]) == venue_in(paths[1]) != b""


async def test_it_follows_a_venue_that_has_recorded_nothing_yet(tmp_path: Path) -> None:
    async with nats(tmp_path / "nats") as url, process(url, tmp_path / "a") as venue:
        await venue.until_venue()
        async with process(url, tmp_path / "b") as other:
            following = asyncio.create_task(other.until_venue())
            async with asyncio.timeout(PATIENCE):
                while other.lease.seen is None:
                    await asyncio.sleep(0.01)
            await venue.record(1)
            await other.until_it_has(1)
            assert not following.done()
            await cancelled([following])


async def test_it_does_not_follow_with_another_ones_journal(tmp_path: Path) -> None:
    async with nats(tmp_path / "nats") as url, nats(tmp_path / "others") as elsewhere:
        for address, name in ((url, "a"), (elsewhere, "b")):
            async with process(address, tmp_path / name) as venue:
                await venue.until_venue()
                await venue.record(1)
        async with process(url, tmp_path / "b") as stranger:
            with pytest.raises(NoStandby, match="the journal here is of the venue"):
                await stranger.until_venue()


async def test_what_it_keeps_is_bounded_as_the_venues_is(tmp_path: Path) -> None:
    """With history in a file of its own, as the settings have it where nobody says anything: it is written here, too."""
    settings = ("bus.replicas=1", "store.segment_records=10")
    paths = [tmp_path / "a", tmp_path / "b"]
    async with nats(tmp_path / "nats") as url, process(url, paths[0]) as venue:
        await venue.until_venue()
        async with process(url, paths[1], load(None, {}, settings)) as other:
            following = asyncio.create_task(other.until_venue())
            async with asyncio.timeout(PATIENCE):
                while header_of(paths_in(paths[1])[0]).start.records == 0 if paths_in(paths[1]) else True:
                    await venue.record(5)
                    await asyncio.sleep(0.1)
            await cancelled([following])
            await other.store.close()


async def rotten(client: Client) -> None:
    """A message of the stream of records that cannot be read."""
    await jetstream(client).publish(NAMES.records, b"rotten")


async def test_it_does_not_become_the_venue_without_what_it_cannot_read(tmp_path: Path) -> None:
    """It may have been the last that the other one told its clients of."""
    async with nats(tmp_path / "nats") as url:
        async with process(url, tmp_path / "a") as venue:
            await venue.until_venue()
            await venue.record(3)
            await rotten(venue.client)
        async with process(url, tmp_path / "b") as other:
            with pytest.raises(NoStandby, match=r"message 5 of the stream .* more than the 3 records"):
                await other.until_venue()
            writer = other.standby.writer
            assert writer.next_term(await writer.look()) >= 3, "the rotten one may be of term 2"


async def test_what_it_cannot_read_was_nothing_where_the_records_go_on(tmp_path: Path) -> None:
    async with nats(tmp_path / "nats") as url:
        async with process(url, tmp_path / "a") as venue:
            await venue.until_venue()
            await venue.record(3)
            await rotten(venue.client)
            await venue.record(1)
        async with process(url, tmp_path / "b") as other:
            await other.until_venue()
            assert other.standby.records == 4


async def test_it_reads_no_more_than_it_has_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyfeed.app.standby.MOST_WAITING", 2)
    monkeypatch.setattr("polyfeed.app.standby.GROUP", 1)
    async with nats(tmp_path / "nats") as url:
        async with process(url, tmp_path / "a") as venue:
            await venue.until_venue()
            await venue.record(300)
        async with process(url, tmp_path / "b") as other:
            waiting: list[int] = []
            take = other.standby._take

            async def looked_at(records: list[Record]) -> None:
                waiting.append(len(other.standby._queue))
                await take(records)

            monkeypatch.setattr(other.standby, "_take", looked_at)
            await other.until_venue()
            assert other.standby.records == 300
            assert max(waiting) <= 2


async def test_what_the_stream_no_longer_has_is_said_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polyfeed.bus.nats.reader.GONE_SECONDS", 0.0)
    async with nats(tmp_path / "nats") as url, process(url, tmp_path / "a") as venue:
        await venue.until_venue()
        await venue.record(3)
        async with process(url, tmp_path / "b") as other:
            following = asyncio.ensure_future(other.until_venue())
            await other.until_it_has(3)
            await jetstream(venue.client).delete_stream(NAMES.records_stream)
            with pytest.raises(NoStandby, match=r"there is no stream .* Copy its journal here"):
                await following
