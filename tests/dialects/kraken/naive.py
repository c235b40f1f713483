"""A client as the exchange's documents ask for it, and nothing more: apply, cut to the depth, hash. It knows nothing of
polyfeed."""

import json
import zlib
from typing import Any


class NaiveBook:
    """One book of one depth. Prices, volumes and times are the text that was sent."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.asks: dict[str, tuple[str, str]] = {}
        self.bids: dict[str, tuple[str, str]] = {}

    def apply(self, *payloads: dict[str, Any]) -> None:
        """Takes in the payloads of one message, then cuts."""
        for payload in payloads:
            if "as" in payload:
                self.asks, self.bids = {}, {}
            if rows := payload.get("as") or payload.get("a"):
                _assign(self.asks, rows)
                self.asks = dict(self.best_asks()[: self.depth])
            if rows := payload.get("bs") or payload.get("b"):
                _assign(self.bids, rows)
                self.bids = dict(self.best_bids()[: self.depth])

    def best_asks(self) -> list[tuple[str, tuple[str, str]]]:
        """Levels from low to high: price, then volume and time."""
        return sorted(self.asks.items(), key=lambda level: float(level[0]))

    def best_bids(self) -> list[tuple[str, tuple[str, str]]]:
        """Levels from high to low."""
        return sorted(self.bids.items(), key=lambda level: -float(level[0]))

    def checksum(self) -> str:
        """CRC-32 of the ten best asks and bids, digits only."""
        levels = list(self.asks.items())[:10] + list(self.bids.items())[:10]
        digits = (text.replace(".", "").lstrip("0") for price, (volume, _) in levels for text in (price, volume))
        return str(zlib.crc32("".join(digits).encode()))


def _assign(side: dict[str, tuple[str, str]], rows: list[list[str]]) -> None:
    for price, volume, time, *_ in rows:
        if volume == "0.00000000":
            side.pop(price, None)
        else:
            side[price] = (volume, time)


class NaiveClient:
    """All the books that a connection was told of, by channel and pair."""

    def __init__(self) -> None:
        self.books: dict[tuple[str, str], NaiveBook] = {}
        self.wrong: list[str] = []

    def receive(self, text: str) -> None:
        """Takes in a book message; one whose checksum is not that of the book afterwards is `wrong`."""
        _, *payloads, channel, pair = json.loads(text)
        book = self.books.get((channel, pair))
        if book is None:
            book = self.books[channel, pair] = NaiveBook(int(channel.removeprefix("book-")))
        book.apply(*payloads)
        claimed = payloads[-1].get("c")
        if claimed is not None and claimed != book.checksum():
            self.wrong.append(text)
