"""The gateway's part in transcripts when it cannot vouch for what it knows:

! stall      the venue is out of reach
! recover    it is back, and nothing was missed
! resync     something was missed: all feeds begin anew
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from polyfeed.dialects._base.dialect import Dialect
from polyfeed.dialects._base.effects import Effect, FeedKey, Send
from polyfeed.dialects._base.feeds import Feed, OnLag
from polyfeed.dialects._base.session import Session
from polyfeed.gateway.fanout import FanOut

WORDS = ("stall", "recover", "resync")


def say(word: str, session: Session, now: int, *, whole: bool = True) -> list[Effect]:
    """What a session says to one of the words."""
    match word:
        case "stall":
            session.stale = True
            return session.stalled(now)
        case "recover":
            session.stale = False
            return session.recovered(now)
    return session.resynced(now, whole=whole)


def tell_fan(word: str, fan: FanOut) -> None:
    """Where a rig has a fan-out of the gateway's."""
    if word == "resync":
        fan.resync()
        return
    fan.stale = word == "stall"
    for connection in tuple(fan.connections):
        fan.ask(connection, lambda session, now: say(word, session, now))


def tell_clients(
    word: str,
    now: int,
    dialect: Dialect,
    clients: Sequence[Any],
    feeds: MutableMapping[FeedKey, Feed],
    carry_out: Callable[[Any, Sequence[Effect]], None],
) -> None:
    """Where a rig carries out what sessions say by itself."""
    if word == "resync":
        feeds.update({key: dialect.feed(key) for key in feeds})
    for client in list(clients):
        whole = all(feeds[key].on_lag is OnLag.SNAPSHOT for key in client.joined)
        carry_out(client, say(word, client.session, now, whole=whole))
        if word == "resync" and client.closed is None:
            carry_out(client, [Send(text) for key in client.joined for text in feeds[key].snapshot()])
