"""What a dialect's *server* messages mean, read back: for recordings, for relays and for `polyfeed tap`.

Numbers stay the text that was on the wire: only whoever knows the instrument knows their scale. Times are microseconds
since the epoch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

from msgspec import Struct

from polyfeed.model.enums import OrderKind, Side


class InboundLevel(NamedTuple):
    """One level as received; a size of zero removes it. `republished` marks one that came back into the window."""

    side: Side
    price: str
    size: str
    ts: int
    republished: bool = False


class InboundTrade(NamedTuple):
    """One public trade as received. Ids are 0 where the exchange tells none."""

    price: str
    size: str
    ts: int
    taker_side: Side
    taker_kind: OrderKind = OrderKind.LIMIT
    trade_id: int = 0


class BookMessage(Struct, frozen=True):
    """A snapshot (`reset`) or an update of a book that shows `depth` levels a side (0: all of them).

    Levels are in the order of the message. `checksum` is what the server claims of the book afterwards.
    """

    symbol: str
    depth: int
    reset: bool
    levels: list[InboundLevel]
    checksum: int | None = None


class TradeMessage(Struct, frozen=True):
    """Trades in the order in which they happened."""

    symbol: str
    trades: list[InboundTrade]


class OtherMessage(Struct, frozen=True):
    """A message that says nothing about a market: an acknowledgement, a heartbeat, an error."""

    text: str
    error: str = ""


InboundMessage = BookMessage | TradeMessage | OtherMessage


class Inbound(ABC):
    """Reads one connection's messages in order, and writes the requests that a client of that exchange would.

    `path` is where the exchange's public socket is.
    """

    path: ClassVar[str] = "/"

    @abstractmethod
    def receive(self, text: str) -> InboundMessage:
        """What the message says. Raises ValueError, with the reason, on text this exchange never sends."""

    def query(self, symbols: list[str]) -> str:
        """The query of the address to connect to for these symbols, empty where the address is the same for all."""
        return ""

    def subprotocol(self, token: str) -> str:
        """The sub-protocol to offer with a token, empty where the exchange has none."""
        return ""

    @abstractmethod
    def subscribe(self, channel: str, symbols: list[str], depth: int) -> list[str]:
        """The requests that subscribe to `channel` (`book` or `trades`) of the symbols."""
