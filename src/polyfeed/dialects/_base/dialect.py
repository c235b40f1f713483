"""One exchange, as the gateway sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from msgspec import Struct

from polyfeed.accounts.account import Account
from polyfeed.dialects._base.closes import CloseCause
from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Feed
from polyfeed.dialects._base.projection import Projection
from polyfeed.dialects._base.rest import RestAnswer, RestRequest, RestResponse
from polyfeed.dialects._base.said import DEAF, Hearing
from polyfeed.dialects._base.session import Session
from polyfeed.model.events import RelayedFrame

BEHIND_RETRY_SECONDS = 1
"""When somebody may try again who was refused because the gateway could not vouch for what it knows.

Clients that wait so long are back within five seconds from when whatever was broken is whole (docs/stale.md).
"""


class Peer(Struct, frozen=True):
    """Who connects: the handshake, and a random 64-bit number for the connection. `raw_query` is as it came."""

    connection_id: int
    path: str
    query: dict[str, list[str]] = {}
    headers: dict[str, str] = {}
    raw_query: str = ""


class Limits(Struct, frozen=True):
    """What the gateway enforces for every connection of the dialect before the session sees anything."""

    max_message_bytes: int = 65_536


class Dialect(ABC):
    """Makes the sessions and feeds of one exchange, all reading one market. `closes` are what sessions may ask for,
    `hearing` is what faults on purpose have to know of its messages. `tells_stale` says that its sessions can say that
    what is known may be old, so that clients are let in while it is.
    """

    name: str
    limits: Limits
    closes: Sequence[CloseCause] = ()
    projection: Projection | None = None
    hearing: Hearing = DEAF
    tells_stale: bool = False

    @abstractmethod
    def connect(self, now: int, peer: Peer) -> Session | RestResponse:
        """A session for an acceptable handshake, or the HTTP response that refuses it."""

    @abstractmethod
    def feed(self, key: FeedKey) -> Feed:
        """A new feed, reading the market as it is now."""

    def channels(self, frame: RelayedFrame) -> Sequence[str]:
        """The channels whose feeds hear a relayed frame, for a dialect that passes frames through."""
        return ()

    def relisted(self) -> None:  # noqa: B027  (a dialect without tables has nothing to forget)
        """The instruments are others, not only more: tables made of them are to be made anew. Nobody is connected."""

    def metrics(self, sessions: Iterable[Session]) -> list[str]:
        """Lines of the exchange's own metrics, in Prometheus's text format, about the open connections' sessions."""
        return []

    def token(self, now: int, account: Account) -> str | None:
        """A ready credential with which a client may hear the account's private channels, None where there is none."""
        return None

    @abstractmethod
    def rest(self, now: int, request: RestRequest) -> RestAnswer:
        """Answers an HTTP call; unknown paths in the exchange's own way."""

    def rest_stale(self, now: int, request: RestRequest) -> RestAnswer:
        """Answers an HTTP call while what is known may be old: nothing of it may be told as the present."""
        headers = {"Retry-After": str(BEHIND_RETRY_SECONDS)}
        return RestResponse(503, b"the feed is behind, try again later\n", "text/plain", headers)

    def rest_unavailable(self, reason: str) -> RestResponse:
        """Refuses a call whose question about history has no answer now, in the exchange's own way."""
        return RestResponse(503, f"{reason}\n".encode(), "text/plain")
