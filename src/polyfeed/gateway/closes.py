"""Every close code the gateway uses by itself, with its reason and whether a client should come back.

Dialects add their own in their `spec.py`. Reasons stay below the 123 bytes that a close frame has room for.
"""

from __future__ import annotations

from typing import NamedTuple


class CloseCause(NamedTuple):
    """A close frame's code and text; `reconnect` is the advice in the documentation, it is not on the wire."""

    code: int
    reason: str
    reconnect: bool


GOING_AWAY = CloseCause(1001, "server is shutting down", True)
"""The server is stopping."""

NOT_UTF8 = CloseCause(1007, "text message is not UTF-8", False)
"""A text message that is not UTF-8 (RFC 6455 section 8.1)."""

SLOW_CONSUMER = CloseCause(1013, "slow consumer: messages were lost, reconnect and subscribe again", True)
"""The reader fell behind on a channel whose messages may not be lost."""

INTERNAL_ERROR = CloseCause(1011, "internal error", True)
"""A fault of ours; it is in the server's log."""
