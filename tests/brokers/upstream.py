"""A process that publishes like a Peatio under load: books of many markets, by the engine's rules (spec/peatio.md 5).

    python upstream.py URL --rate 1000 --streams 50 --seconds 20        (or until SIGTERM)

While the broker is away messages are lost and numbers go on, as with the real engine. Every 25th increment says the
checksum of the book after it, so that a reader can tell whether its own is whole. It imports nothing of polyfeed.
"""

import argparse
import asyncio
import json
import logging
import random
import signal
import time
import zlib

import aiormq

logging.getLogger("aiormq").setLevel(logging.CRITICAL)

EXCHANGE = "peatio.events.ranger"
CHECKED = 25


class Book:
    """One market's book, of at most ten prices a side."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sequence = 1
        self.sides: dict[str, dict[str, str]] = {"asks": {}, "bids": {}}
        self.snapped = 0.0

    def change(self, dice: random.Random) -> bytes:
        """One level changes; the increment."""
        side = dice.choice(("asks", "bids"))
        price = f"{dice.randrange(11, 21) if side == 'asks' else dice.randrange(1, 11)}.0"
        volume = "" if price in self.sides[side] and dice.random() < 0.3 else f"{dice.randrange(1, 1000)}.5"
        self.sides[side].pop(price, None)
        if volume:
            self.sides[side][price] = volume
        self.sequence += 1
        body = {side: [price, volume], "sequence": self.sequence, "t": time.time_ns() // 1000}
        if self.sequence % CHECKED == 0:
            body["sum"] = checksum(self.sides)
        return json.dumps(body, separators=(", ", ":")).encode()  # with a blank that no encoder would write

    def snapshot(self) -> bytes:
        """The whole book."""
        levels = {
            side: sorted(prices.items(), key=lambda level: float(level[0]), reverse=side == "bids")
            for side, prices in self.sides.items()
        }
        return json.dumps({**levels, "sequence": self.sequence}).encode()


def checksum(sides: dict[str, dict[str, str]]) -> int:
    return zlib.crc32(json.dumps({side: dict(sorted(prices.items())) for side, prices in sides.items()}).encode())


async def main(options: argparse.Namespace) -> None:
    dice = random.Random(options.seed)
    books = [Book(f"m{number:02d}usd") for number in range(options.streams)]
    end = time.monotonic() + options.seconds
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    published = lost = increments = 0
    channel = connection = None
    due = time.monotonic()
    while time.monotonic() < end and not told.is_set():
        if connection is None or connection.is_closed:
            channel = None
            try:
                async with asyncio.timeout(2):
                    connection = await aiormq.connect(options.url)
                    channel = await connection.channel(publisher_confirms=False)
                    await channel.exchange_declare(EXCHANGE, exchange_type="topic", durable=False)
                for book in books:
                    book.snapped = 0.0  # an engine that has just connected begins with its books
            except Exception:
                connection = None
        for _ in range(max(0, int((time.monotonic() - due) * options.rate))):
            due += 1 / options.rate
            book = dice.choice(books)
            messages = [("inc", book.change(dice))]
            if time.monotonic() - book.snapped > options.snapshot:
                book.snapped = time.monotonic()
                messages.append(("snap", book.snapshot()))
            for kind, body in messages:
                try:
                    if channel is None or connection is None or connection.is_closed:
                        raise ConnectionError
                    await channel.basic_publish(body, exchange=EXCHANGE, routing_key=f"public.{book.name}.ob-{kind}")
                    published += 1
                    increments += kind == "inc"
                except Exception:
                    lost += 1
        await asyncio.sleep(0.002)
    print(json.dumps({"published": published, "increments": increments, "lost": lost}), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--snapshot", type=float, default=3.0, help="seconds between snapshots of a book (engine: 10)")
    parser.add_argument("--seed", type=int, default=1)
    asyncio.run(main(parser.parse_args()))
