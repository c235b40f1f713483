"""Keeps the best prices of one pair, from Kraken's public WebSocket API 1.x."""

from __future__ import annotations

import json
import threading
import zlib
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

DEPTH = 10
CHECKED = 10
"""Levels of each side that the checksum is of."""


class Mismatch(Exception):
    """The book is not what the exchange says it is."""


class Book:
    """The best DEPTH levels of each side, as text: the checksum is of the digits."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, str]] = {"a": {}, "b": {}}

    def prices(self, side: str) -> list[str]:
        """Best first."""
        return sorted(self.sides[side], key=float, reverse=side == "b")

    def apply(self, parts: list[dict[str, Any]]) -> None:
        """Takes in a snapshot or an update. Raises Mismatch."""
        for part in parts:
            for side in ("a", "b"):
                for price, volume, *_ in part.get(side + "s", part.get(side, ())):
                    self.sides[side].pop(price, None)
                    if float(volume):
                        self.sides[side][price] = volume
        for side in ("a", "b"):
            for price in self.prices(side)[DEPTH:]:
                del self.sides[side][price]
        told = parts[-1].get("c")
        if told is not None and int(told) != self.checksum():
            raise Mismatch

    def checksum(self) -> int:
        """CRC-32 of the first levels' digits, asks first."""
        levels = [(price, self.sides[side][price]) for side in ("a", "b") for price in self.prices(side)[:CHECKED]]
        digits = "".join(text.replace(".", "").lstrip("0") for level in levels for text in level)
        return zlib.crc32(digits.encode())


class BookBot:
    """Follows a pair in a thread, from `start` to `stop`.

    `best` is the best bid and ask, None while it has no book that it trusts. It gives up on a connection that has said
    nothing for `patience` seconds: Kraken sends a heartbeat every second. The other attributes count what happened.
    """

    def __init__(self, url: str, pair: str, patience: float = 5.0) -> None:
        self.best: tuple[str | None, str | None] | None = None
        self.mismatches = self.silences = self.connects = 0
        self._url = url
        self._patience = patience
        self._subscription = {"pair": [pair], "subscription": {"name": "book", "depth": DEPTH}}
        self._stopped = threading.Event()
        self._socket: ClientConnection | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends, and waits until that is done."""
        self._stopped.set()
        if self._socket is not None:
            self._socket.close()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with connect(self._url, ping_interval=None, close_timeout=0.5) as self._socket:
                    self.connects += 1
                    self._follow(self._socket)
            except (ConnectionClosed, OSError):
                self._stopped.wait(0.05)
            finally:
                self.best = None

    def _follow(self, socket: ClientConnection) -> None:
        """Keeps books until the connection ends or falls silent."""
        self._subscribe(socket)
        book: Book | None = None
        while not self._stopped.is_set():
            try:
                message = json.loads(socket.recv(self._patience))
            except TimeoutError:
                self.silences += 1
                return
            if not isinstance(message, list):
                continue
            if "as" in message[1]:
                book = Book()
            if book is None:
                continue
            try:
                book.apply(message[1:-2])
            except Mismatch:
                self.mismatches += 1
                self._subscribe(socket)
                book = None
                continue
            bids, asks = book.prices("b"), book.prices("a")
            self.best = (bids[0] if bids else None, asks[0] if asks else None)

    def _subscribe(self, socket: ClientConnection) -> None:
        """Asks for a snapshot and the updates after it, anew where there is a subscription."""
        self.best = None
        for event in ("unsubscribe", "subscribe"):
            socket.send(json.dumps({"event": event, **self._subscription}))
