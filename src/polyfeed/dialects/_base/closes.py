"""How a close frame is described, for the page that lists them all."""

from __future__ import annotations

from typing import NamedTuple


class CloseCause(NamedTuple):
    """A close frame's code and text, and what is not on the wire: whether to come back, and when it is sent."""

    code: int
    reason: str
    reconnect: bool
    when: str


BEHIND = CloseCause(
    1013,
    "the feed is behind: try again later",
    True,
    "The gateway hears nothing of the venue, or too late, and the exchange has no other word for it.",
)
"""Ends a connection to which it can no longer be vouched for what it is shown (`Session.stalled`)."""

LOST = CloseCause(
    1013,
    "messages were lost: reconnect and subscribe again",
    True,
    "The gateway has missed something, on a channel whose messages may not be lost.",
)
"""Ends a connection that cannot be shown what was missed (`Session.resynced`)."""
