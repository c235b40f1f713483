"""One connection's state machine."""

from __future__ import annotations

from abc import ABC, abstractmethod

from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects._base.closes import BEHIND, LOST
from polyfeed.dialects._base.effects import Close, Effect
from polyfeed.model.batches import Outcome
from polyfeed.model.events import AccountOpened, InstrumentStatusSet, KeyRevoked, KeySet, SystemStatusSet

NOTICES = (SystemStatusSet, InstrumentStatusSet)
"""The public events that every session is told of, whatever it has subscribed to."""

Notice = SystemStatusSet | InstrumentStatusSet

ACCOUNT_NOTICES = (AccountOpened, KeySet, KeyRevoked)
"""The private events that every session is told of: what it may hear may depend on them."""


class Session(ABC):
    """What one connection may say and hear. Pure: `now` is gateway time in microseconds since the epoch.

    `deadline` is when `expire` wants to be called, None for never; the gateway looks at it after every call.
    `last_sent` is kept by the gateway: when it last sent this connection anything, a feed's messages included.
    `last_heard` too: when a frame of it last came, pongs included.
    `stale` too: whether it cannot be vouched for what the session reads, from before `open` or `stalled` on.
    `subprotocol` is what the handshake's answer names as chosen, empty for none.
    """

    deadline: int | None = None
    last_sent: int = 0
    last_heard: int = 0
    stale: bool = False
    subprotocol: str = ""

    @abstractmethod
    def open(self, now: int) -> list[Effect]:
        """The connection was accepted."""

    @abstractmethod
    def receive(self, now: int, data: str | bytes) -> list[Effect]:
        """A text (str) or binary (bytes) message arrived. Never raises for anything a client can send."""

    def answer(self, now: int, request: int, outcome: Outcome) -> list[Effect]:
        """The venue decided a command of this session; what it decided follows on the feeds."""
        return []

    @abstractmethod
    def notice(self, now: int, event: Notice) -> list[Effect]:
        """The venue said something to everybody."""

    def account_notice(self, now: int, change: AccountChange) -> list[Effect]:
        """An account was opened, or one of its keys set or revoked (ACCOUNT_NOTICES)."""
        return []

    def drain(self, now: int) -> list[Effect]:
        """The server is about to stop. A session that asks its client to leave first closes at its deadline."""
        return []

    def stalled(self, now: int) -> list[Effect]:
        """What the session reads may be old from now on: the venue is away, or the gateway too far behind it.

        Where the exchange has a word for that, it is said; otherwise the connection is closed.
        """
        return [Close(BEHIND.code, BEHIND.reason)]

    def recovered(self, now: int) -> list[Effect]:
        """What the session reads is the present again. Nothing was missed, or `resynced` was called before."""
        return []

    def resynced(self, now: int, *, whole: bool) -> list[Effect]:
        """What the session reads has been replaced as a whole, and something between was missed.

        `whole` says that every feed of the connection begins anew with a snapshot that mends it; then they follow by
        themselves. Otherwise something is lost for good. What the session knows of keys, accounts and statuses has to
        be looked at again: no notice came of what has changed.
        """
        return [] if whole else [Close(LOST.code, LOST.reason)]

    @abstractmethod
    def expire(self, now: int) -> list[Effect]:
        """The deadline has passed."""

    def leave(self, now: int) -> list[Effect]:
        """The connection is gone: only `Submit` counts, here and in answers that come later."""
        return []
