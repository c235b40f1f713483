"""`polyfeed tap`: a client that shows a live book or the trades of one market in the terminal."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterator
from decimal import Decimal

from rich.console import Console
from rich.live import Live
from rich.table import Table

from polyfeed.app.client import messages
from polyfeed.app.config import Config
from polyfeed.dialects._base.inbound import (
    BookMessage,
    Inbound,
    InboundMessage,
    InboundTrade,
    OtherMessage,
    TradeMessage,
)
from polyfeed.dialects.registry import INBOUND
from polyfeed.model.enums import Side

REFRESH_SECONDS = 0.1
TRADES_SHOWN = 20

SILENCE_SECONDS = 5.0
"""After which whoever waits is told what that may mean."""


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

    def doubt(self, text: str) -> None:
        """Says why there is nothing to be seen."""
        self._note = text

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


async def heard(stream: AsyncIterator[str], inbound: Inbound) -> AsyncIterator[tuple[str, InboundMessage]]:
    """Each message and what it says. Raises ValueError, after the message, for an error before anything of the channel
    has come: nothing will.
    """
    begun = False
    async for text in stream:
        message = inbound.receive(text)
        yield text, message
        if not isinstance(message, OtherMessage):
            begun = True
        elif message.error and not begun:
            raise ValueError(f"the server says: {message.error}")


async def run(options: argparse.Namespace) -> int:
    """Shows the channel until interrupted. Raises OSError, ValueError."""
    inbound = INBOUND[options.dialect]()
    stream, _ = stream_of(options, inbound, [options.symbol])
    console = Console()
    messages = heard(stream, inbound)
    if options.raw or not console.is_terminal:
        await _print(options, messages)
    else:
        await _show(options, messages, console)
    return 0


async def _print(options: argparse.Namespace, messages: AsyncIterator[tuple[str, InboundMessage]]) -> None:
    """Prints the messages as they come."""
    loop = asyncio.get_running_loop()
    doubt = loop.call_later(SILENCE_SECONDS, lambda: print(f"polyfeed: {silence(options)}", file=sys.stderr))
    async for text, message in messages:
        print(text, flush=True)
        if not isinstance(message, OtherMessage):
            doubt.cancel()


async def _show(
    options: argparse.Namespace, messages: AsyncIterator[tuple[str, InboundMessage]], console: Console
) -> None:
    """Shows what they come to."""
    screen = Screen(options)
    with Live(screen.table(console.height), console=console, auto_refresh=False) as live:

        def refresh() -> None:
            live.update(screen.table(console.height), refresh=True)

        def doubts() -> None:
            screen.doubt(silence(options))
            refresh()

        doubt = asyncio.get_running_loop().call_later(SILENCE_SECONDS, doubts)
        shown = 0.0
        async for _, message in messages:
            screen.take(message)
            if not isinstance(message, OtherMessage):
                doubt.cancel()
            if time.monotonic() - shown >= REFRESH_SECONDS:
                shown = time.monotonic()
                refresh()
        refresh()


def silence(options: argparse.Namespace) -> str:
    """What is to be thought of a market that nothing comes of: some exchanges acknowledge whatever they are asked."""
    return f"nothing of {options.symbol} has come yet: it may be quiet, or {options.dialect} has no market of that name"
