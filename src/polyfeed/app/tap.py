"""`polyfeed tap`: a client that shows a live book or the trades of one market in the terminal."""

from __future__ import annotations

import argparse
import time
from collections import deque
from collections.abc import AsyncIterator
from decimal import Decimal

from rich.console import Console
from rich.live import Live
from rich.table import Table

from polyfeed.app.client import messages
from polyfeed.app.config import Config
from polyfeed.dialects._base.inbound import BookMessage, Inbound, InboundTrade, OtherMessage, TradeMessage
from polyfeed.dialects.registry import INBOUND
from polyfeed.model.enums import Side

REFRESH_SECONDS = 0.1
TRADES_SHOWN = 20


def stream_of(
    options: argparse.Namespace, inbound: Inbound, symbols: list[str]
) -> tuple[AsyncIterator[str], list[str]]:
    """The messages of a server's channel for these symbols, and the requests that are sent first."""
    url = str(options.url or f"ws://127.0.0.1:{getattr(Config(), options.dialect).port}{inbound.path}")
    query = inbound.query(symbols)
    if query and "?" not in url:
        url = f"{url}?{query}"
    requests = inbound.subscribe(options.channel, symbols, options.depth)
    return messages(url, requests, options.ca, options.seconds, inbound.subprotocol(options.token)), requests


class ClientBook:
    """What a client of a book keeps: price to size, cut after every message to the depth that it says it has."""

    def __init__(self) -> None:
        self._sides: dict[Side, dict[str, str]] = {Side.BUY: {}, Side.SELL: {}}

    def apply(self, message: BookMessage) -> None:
        """Takes in a snapshot or an update."""
        if message.reset:
            for levels in self._sides.values():
                levels.clear()
        for level in message.levels:
            if Decimal(level.size):
                self._sides[level.side][level.price] = level.size
            else:
                self._sides[level.side].pop(level.price, None)
        for kept in Side if message.depth else ():
            for price, _ in self.top(kept)[message.depth :]:
                del self._sides[kept][price]

    def top(self, side: Side) -> list[tuple[str, str]]:
        """(price, size), best first."""
        best_first = side is Side.BUY
        return sorted(self._sides[side].items(), key=lambda level: Decimal(level[0]), reverse=best_first)


class Screen:
    """What the terminal shows."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._book = ClientBook()
        self._trades: deque[InboundTrade] = deque(maxlen=TRADES_SHOWN)
        self._count = 0
        self._note = "waiting for the first message"

    def take(self, message: object) -> None:
        """Takes in a message."""
        if isinstance(message, BookMessage):
            self._book.apply(message)
        elif isinstance(message, TradeMessage):
            self._trades.extend(message.trades)
        elif isinstance(message, OtherMessage):
            if message.error:
                self._note = f"the server says: {message.error}"
            return
        self._count += 1
        self._note = f"{self._count} messages"

    def table(self, height: int) -> Table:
        """The screen as it is now, in at most so many rows."""
        title = f"{self._options.dialect} {self._options.channel} {self._options.symbol}"
        table = Table(title=title, caption=self._note)
        if self._options.channel == "book":
            self._add_book(table, max(1, min(self._options.depth, height - 8)))
        else:
            self._add_trades(table, max(1, height - 8))
        return table

    def _add_book(self, table: Table, rows: int) -> None:
        for name, style in (("bid size", "green"), ("bid", "green"), ("ask", "red"), ("ask size", "red")):
            table.add_column(name, justify="right", style=style)
        bids, asks = self._book.top(Side.BUY), self._book.top(Side.SELL)
        for place in range(min(rows, max(len(bids), len(asks)))):
            bid = bids[place] if place < len(bids) else ("", "")
            ask = asks[place] if place < len(asks) else ("", "")
            table.add_row(bid[1], bid[0], ask[0], ask[1])

    def _add_trades(self, table: Table, rows: int) -> None:
        for name in ("time (UTC)", "side", "price", "size"):
            table.add_column(name, justify="right")
        for trade in list(self._trades)[-rows:]:
            at = time.strftime("%H:%M:%S", time.gmtime(trade.ts / 1e6))
            style = "green" if trade.taker_side is Side.BUY else "red"
            table.add_row(at, trade.taker_side.name.lower(), trade.price, trade.size, style=style)


async def run(options: argparse.Namespace) -> int:
    """Shows the channel until interrupted."""
    inbound = INBOUND[options.dialect]()
    stream, _ = stream_of(options, inbound, [options.symbol])
    console = Console()
    if options.raw or not console.is_terminal:
        async for text in stream:
            print(text, flush=True)
        return 0
    screen = Screen(options)
    with Live(screen.table(console.height), console=console, auto_refresh=False) as live:
        shown = 0.0
        async for text in stream:
            screen.take(inbound.receive(text))
            if time.monotonic() - shown >= REFRESH_SECONDS:
                shown = time.monotonic()
                live.update(screen.table(console.height), refresh=True)
        live.update(screen.table(console.height), refresh=True)
    return 0
