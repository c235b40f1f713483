"""Two gateways on a bus that encodes and decodes; the second starts later, from a snapshot, and rebuilds its feeds."""

from __future__ import annotations

import asyncio

import pytest

from polyfeed.model.commands import SetSystemStatus
from tests.e2e.kraken_client import Book, Client
from tests.e2e.world import World, world

PAIRS = ["XBT/USD", "WAVES/ETH", "ETH/EUR", "ADA/XBT"]


async def everything(port: int) -> Client:
    """A client of every channel of some pairs, one of them in all depths and intervals."""
    client = await Client.open(port)
    await client.subscribe(PAIRS, name="*")
    for depth in (25, 100, 500, 1000):
        await client.subscribe(["XBT/USD", "ETH/EUR"], name="book", depth=depth)
    for interval in (5, 15, 1440, 21600):
        await client.subscribe(["XBT/USD", "ETH/EUR"], name="ohlc", interval=interval)
    return client


async def mark(one: World, text: str, *clients: Client) -> None:
    """Has the venue say something, and waits until the clients have heard it."""
    await one.command(SetSystemStatus(text))
    await asyncio.gather(*(client.until_text(f'"{text}"') for client in clients))


def after(client: Client, text: str) -> list[str]:
    """The data messages that the client got after a mark."""
    place = next(place for place, message in enumerate(client.messages) if f'"{text}"' in message)
    return [message for message in client.messages[place:] if message.startswith("[")]


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["0.2.0", "1.x"])
@pytest.mark.usefixtures("either_bus")
async def test_both_gateways_say_the_same_bytes(profile: str) -> None:
    async with world(f"kraken.profile={profile}", "flow.agents=5") as one:
        await one.pass_time(2)
        early = await everything(one.first.ports["kraken"])
        await one.pass_time(1)
        second = await one.another_gateway()
        late = await everything(second.ports["kraken"])
        await mark(one, "start", early, late)
        await one.pass_time(4)
        await mark(one, "half", early, late)
        assert after(early, "start") == after(late, "start")
        assert len(after(early, "start")) > 500
        assert one.first.gateway.market.state_hash() == second.gateway.market.state_hash()
        assert one.first.gateway.accounts.state_hash() == second.gateway.accounts.state_hash()

        # The second gateway's feeds end and are made anew; it goes on saying the same.
        await late.close()
        while not second.gateway.fans["kraken"].idle():
            await asyncio.sleep(0.001)
        await one.pass_time(1)
        again = await everything(second.ports["kraken"])
        await mark(one, "again", early, again)
        await one.pass_time(3)
        await mark(one, "end", early, again)
        assert after(early, "again") == after(again, "again")
        for client in (early, again):
            check_books(client)
            await client.close()


def check_books(client: Client) -> None:
    """Every book is whole from its snapshot on: each message's checksum is that of the client's own book."""
    for pair in PAIRS:
        for depth in (10, 25, 100, 500, 1000):
            book = Book(depth)
            for text in client.data():
                if text.endswith(f'"book-{depth}","{pair}"]'):
                    book.apply(text)
            if depth == 10 or pair in {"XBT/USD", "ETH/EUR"}:
                assert book.checked > (1 if pair == "ADA/XBT" else 5), (pair, depth)
                assert len(book.sides["a"]) == depth or depth > 25
