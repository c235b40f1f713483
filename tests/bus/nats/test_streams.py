"""The writer and the reader of a stream on a real server: each parcel once, in order, whatever breaks."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from nats.aio.client import Client

from polyfeed.app.nats_server import NatsServer
from polyfeed.bus.nats.connection import FAILURES, connect, jetstream
from polyfeed.bus.nats.lease import LEASE_SECONDS, SURE_SECONDS, Holder, Lease, Lost
from polyfeed.bus.nats.names import Names
from polyfeed.bus.nats.parcel import Corrupt, Parcel, decode_parcel
from polyfeed.bus.nats.reader import Gone, StreamReader
from polyfeed.bus.nats.terms import batches_config
from polyfeed.bus.nats.writer import BARRIERS, PARCEL_BYTES, Fenced, StreamWriter
from polyfeed.bus.tasks import cancelled

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("nats")]

NAMES = Names("test")
PATIENCE = 60.0


@asynccontextmanager
async def nats(directory: Path) -> AsyncIterator[tuple[NatsServer, Client]]:
    server = NatsServer(directory)
    await server.start()
    try:
        await server.until_ready()
        client = await connect(server.url, "a test")
        try:
            yield server, client
        finally:
            await client.close()
    finally:
        await server.stop()


async def writer_of(client: Client, term: int) -> StreamWriter:
    writer = StreamWriter(client, batches_config(NAMES, 1))
    await writer.look()
    assert await writer.claim("h", term)
    return writer


@asynccontextmanager
async def running(*works: object) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.ensure_future(work) for work in works]  # type: ignore[call-overload]
    try:
        yield tasks
    finally:
        await cancelled(tasks)


class Heard:
    """What a reader was given."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []
        self._news = asyncio.Event()

    def __call__(self, place: int, parcel: Parcel | None) -> None:
        if parcel is not None and parcel.bodies:
            self.parcels.append(parcel)
            self._news.set()

    @property
    def numbers(self) -> list[int]:
        """Of the bodies, in the order in which they came."""
        return [number for one in self.parcels for number in range(one.first, one.first + len(one.bodies))]

    async def until(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.numbers) < count:
                self._news.clear()
                await self._news.wait()


async def test_a_server_that_dies_again_and_again_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async with nats(tmp_path) as (server, client):
        writer, heard = await writer_of(client, 1), Heard()
        reader = StreamReader(client, NAMES.batches_stream, 0, heard)
        async with running(writer.run(), reader.run()):
            for number in range(1, 301):
                writer.put(number, [b"%d" % number])
                if number % 100 == 50:
                    await server.kill()
                    await server.start()
                await asyncio.sleep(0)
            await heard.until(300)
    assert heard.numbers == list(range(1, 301))


async def test_who_was_replaced_can_write_no_more(tmp_path: Path) -> None:
    async with nats(tmp_path) as (_, client):
        old, heard = await writer_of(client, 1), Heard()
        async with running(old.run()) as (task,):
            await old.put_told(1, [b"of the old one"])
            new = await writer_of(client, 2)
            old.put(2, [b"too late"])
            with pytest.raises(Fenced):
                await asyncio.wait_for(task, PATIENCE)
        async with running(new.run(), StreamReader(client, NAMES.batches_stream, 0, heard).run()):
            await new.put_told(2, [b"of the new one"])
            await heard.until(2)
    assert [parcel.bodies for parcel in heard.parcels] == [(b"of the old one",), (b"of the new one",)]


async def test_nothing_of_who_was_replaced_stands_behind_the_claim(tmp_path: Path) -> None:
    """However much was waiting: the place of what comes second is the one behind the claim."""
    async with nats(tmp_path) as (_, client):
        old, heard = await writer_of(client, 1), Heard()
        new = await writer_of(client, 2)
        for number in range(1, 20):
            old.put(number, [bytes(PARCEL_BYTES)])
        with pytest.raises(Fenced):
            await asyncio.wait_for(old.run(), PATIENCE)
        async with running(new.run(), StreamReader(client, NAMES.batches_stream, 0, heard).run()):
            await new.put_told(1, [b"of the new one"])
            await heard.until(1)
    assert [parcel.term for parcel in heard.parcels] == [2]


async def test_what_waits_goes_out_together(tmp_path: Path) -> None:
    async with nats(tmp_path) as (_, client):
        writer, heard = await writer_of(client, 1), Heard()
        for number in range(1, 1001):
            writer.put(number, [b"x" * 1000])
        writer.put(5001, [b"what is between was dropped"])
        async with running(writer.run(), StreamReader(client, NAMES.batches_stream, 0, heard).run()):
            await heard.until(1001)
        assert writer.waiting == 0
    assert heard.numbers == [*range(1, 1001), 5001]
    assert [len(one.bodies) for one in heard.parcels] == [524, 476, 1]


async def test_nobody_claims_what_has_moved_on(tmp_path: Path) -> None:
    async with nats(tmp_path) as (_, client):
        first, second = (StreamWriter(client, batches_config(NAMES, 1)) for _ in range(2))
        await first.look()
        await second.look()
        assert await first.claim("h", 1)
        assert not await second.claim("h", 1)
        assert [(one.history, one.term) for one in await second.look()] == [("h", 1)]
        assert await second.claim("h", 2)


async def test_a_stream_that_was_deleted_is_made_again_and_its_reader_is_told(tmp_path: Path) -> None:
    async with nats(tmp_path) as (_, client):
        writer, heard = await writer_of(client, 1), Heard()
        reader = StreamReader(client, NAMES.batches_stream, 0, heard)
        async with running(writer.run(), reader.run()) as (_, reading):
            for number in range(1, 4):
                await writer.put_told(number, [b"x"])
            await heard.until(3)
            await jetstream(client).delete_stream(NAMES.batches_stream)
            await writer.put_told(4, [b"x"])
            with pytest.raises(Gone, match="ends at 1, before 4"):
                await asyncio.wait_for(reading, PATIENCE)


async def test_who_was_replaced_can_write_no_more_in_a_stream_that_was_deleted_and_made_again(tmp_path: Path) -> None:
    async with nats(tmp_path) as (_, client):
        old, heard = await writer_of(client, 1), Heard()
        async with running(old.run()):
            for number in range(1, 6):
                await old.put_told(number, [b"of the old one"])
        await jetstream(client).delete_stream(NAMES.batches_stream)
        new = await writer_of(client, 2)
        async with running(new.run(), StreamReader(client, NAMES.batches_stream, 0, heard).run()):
            await new.put_told(6, [b"of the new one"])
            old.put(6, [b"too late"])
            with pytest.raises(Fenced):
                await asyncio.wait_for(old.run(), PATIENCE)
            await new.put_told(7, [b"of the new one"])
            await heard.until(2)
    assert [parcel.bodies for parcel in heard.parcels] == [(b"of the new one",)] * 2


async def test_flipped_bits_on_the_disk_are_never_heard(tmp_path: Path) -> None:
    dice = random.Random(1)
    sent = {number: Parcel("h", 1, number, (dice.randbytes(2000),)) for number in range(1, 301)}
    async with nats(tmp_path) as (server, client):
        writer, heard = await writer_of(client, 1), Heard()
        async with running(writer.run()):
            for number, parcel in sent.items():
                await writer.put_told(number, parcel.bodies)
            await writer.put_told(301, [b"the last one"])
        await server.stop()
        blocks = [*tmp_path.rglob(f"*{NAMES.batches_stream}*/msgs/*.blk")]
        assert blocks
        for block in blocks:
            data = bytearray(block.read_bytes())
            for _ in range(20):
                data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
            block.write_bytes(data)
        await server.start()
        with suppress(OSError):  # some of such blocks have it hang where it reads them (2.15.1): then nothing is heard
            await server.until_ready(15.0)
        assert server.pid, "it did not die of them"
        reader = StreamReader(client, NAMES.batches_stream, 0, heard)
        with suppress(Gone, TimeoutError):
            await asyncio.wait_for(reader.run(), 10.0)
    assert all(sent.get(one.first) == one for one in heard.parcels if one.first <= 300)
    assert len(heard.parcels) < 301, "twenty bits lie in messages"


async def test_a_damaged_message_is_not_passed_over_for_want_of_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was damaged on its way, and may be whole in the stream."""
    broken = deque([True, False])

    def flipped(data: bytes) -> Parcel:
        if len(heard.numbers) == 2 and broken and broken.popleft():
            raise Corrupt("a bit was flipped")
        return decode_parcel(data)

    async def unheard(*_: object) -> None:
        raise TimeoutError

    async with nats(tmp_path) as (_, client):
        writer, heard = await writer_of(client, 1), Heard()
        reader = StreamReader(client, NAMES.batches_stream, 0, heard)
        monkeypatch.setattr("polyfeed.bus.nats.reader.decode_parcel", flipped)
        monkeypatch.setattr(reader._js, "get_msg", unheard)
        async with running(writer.run(), reader.run()):
            for number in range(1, 6):
                await writer.put_told(number, [b"x"])
            await heard.until(5)
    assert heard.numbers == [1, 2, 3, 4, 5]
    assert reader.damaged == 1


async def test_a_term_is_never_taken_twice_though_nothing_of_the_stream_is_left(tmp_path: Path) -> None:
    """Batches are dropped for their age, and a gateway that has heard them all may still be there."""
    async with nats(tmp_path) as (_, client):
        await writer_of(client, 1)
        for _ in range(2 * BARRIERS):
            await jetstream(client).publish(NAMES.batches, b"of long ago")
        await jetstream(client).purge_stream(NAMES.batches_stream)
        new = StreamWriter(client, batches_config(NAMES, 1))
        assert await new.look() == []
        assert new.next_term([]) == 2 * BARRIERS + 2, "a term is no higher than the place of its claim"


async def test_who_has_no_room_for_what_is_sent_goes_on_when_he_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("polyfeed.bus.nats.reader.SILENCE_SECONDS", 1.5)
    room = asyncio.Event()
    async with nats(tmp_path) as (_, client):
        writer, heard = await writer_of(client, 1), Heard()
        reader = StreamReader(client, NAMES.batches_stream, 0, heard, room=room.wait)  # type: ignore[arg-type]
        async with running(writer.run(), reader.run()):
            for number in range(1, 6):
                await writer.put_told(number, [b"x"])
            await asyncio.sleep(4.0)
            room.set()
            await heard.until(5)
    assert heard.numbers == [1, 2, 3, 4, 5]
    assert "cannot be read" not in caplog.text, "nobody but the reader itself was silent"


async def test_a_lease_is_known_to_be_ours_for_no_longer_than_it_lasts(tmp_path: Path) -> None:
    async with nats(tmp_path) as (_, client):
        mine = Lease(client, NAMES.bucket, 1)
        assert mine.until <= time.monotonic()
        before = time.monotonic()
        assert await mine.take()
        assert before + SURE_SECONDS <= mine.until < time.monotonic() + LEASE_SECONDS


async def test_a_writer_knows_when_nobody_else_had_begun_a_term(tmp_path: Path) -> None:
    async with nats(tmp_path) as (_, client):
        old = await writer_of(client, 1)
        async with running(old.run()) as (task,):
            before = time.monotonic()
            await old.put_told(1, [b"x"])
            confirmed = old.confirmed
            assert before <= confirmed <= time.monotonic()
            await writer_of(client, 2)
            old.put(2, [b"too late"])
            with pytest.raises(Fenced):
                await asyncio.wait_for(task, PATIENCE)
            assert old.confirmed == confirmed


async def test_one_lease_has_one_holder(tmp_path: Path) -> None:
    async with nats(tmp_path) as (_, client):
        mine, theirs = (Lease(client, NAMES.bucket, 1) for _ in range(2))
        await taken(mine)
        assert not await theirs.take()
        await mine.leave()
        assert await theirs.take()
        await (await jetstream(client).key_value(NAMES.bucket)).put("venue", b'{"host":"h","pid":1,"id":"another"}')
        with pytest.raises(Lost):
            await asyncio.wait_for(theirs.kept(), PATIENCE)


async def test_a_lease_that_is_given_back_ends_though_its_cancellation_was_lost(tmp_path: Path) -> None:
    async with nats(tmp_path) as (_, client):
        mine, theirs = (Lease(client, NAMES.bucket, 1) for _ in range(2))
        await taken(mine)
        assert mine._keeping is not None
        await cancelled([mine._keeping])

        async def deaf() -> None:
            """Loses the first cancellation, as Python 3.11's `wait_for` may."""
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            await asyncio.Event().wait()

        mine._keeping = asyncio.create_task(deaf())
        await asyncio.sleep(0)
        await asyncio.wait_for(mine.leave(), PATIENCE)
        assert await theirs.take()
        await theirs.leave()


async def test_who_has_the_lease_comes_first_when_the_bus_was_away_for_longer_than_it_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a grace that is long enough on a busy machine, too: the start of the server is waited for in it."""
    monkeypatch.setattr("polyfeed.bus.nats.lease.GRACE_SECONDS", 10.0)
    said: list[str] = []
    async with nats(tmp_path) as (server, client):
        other = await connect(server.url, "another")
        mine, theirs = Lease(client, NAMES.bucket, 1), Lease(other, NAMES.bucket, 1)
        await taken(mine)
        holder = await mine.holder()
        async with running(theirs.until_taken(0.05, said.append)) as (waiting,):
            async with asyncio.timeout(PATIENCE):
                while not said:
                    await asyncio.sleep(0.01)
            for _ in range(2):
                await server.kill()
                await asyncio.sleep(LEASE_SECONDS)
                await server.start()
                await server.until_ready()
                async with asyncio.timeout(PATIENCE):
                    while await kept_by(mine) != holder:
                        await asyncio.sleep(0.01)
            assert not waiting.done(), "the holder has it again"
            assert said[0] == f"the venue is {holder}"
            await mine.leave()
            await asyncio.wait_for(waiting, PATIENCE)
        await theirs.leave()
        await other.close()


async def taken(lease: Lease) -> None:
    """Takes it as a venue does, which tries again when a server that has just started is late with an answer."""
    async with asyncio.timeout(PATIENCE):
        await lease.until_taken(0.05, lambda _: None)


async def kept_by(lease: Lease) -> Holder | None:
    """Who has a lease, None while nobody can be asked."""
    try:
        return await lease.holder()
    except FAILURES:
        return None
