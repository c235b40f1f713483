"""Every close the gateway makes by itself, whatever the dialect: code, reason, and whether a client should come back.

Dialects have their own in `CLOSES` of their `spec.py`; docs/closes.md lists all of both. Reasons stay below the 123
bytes that a close frame has room for (RFC 6455 section 5.5).
"""

from __future__ import annotations

from polyfeed.dialects._base.closes import BEHIND, LOST, CloseCause

GOING_AWAY = CloseCause(1001, "server is shutting down", True, "The server stops.")

PROTOCOL_ERROR = CloseCause(
    1002,
    "protocol error",
    False,
    "A frame breaks RFC 6455 or RFC 7692: not masked, a reserved bit or opcode, a long or fragmented control frame, a "
    "continuation of nothing, a close code that may not be sent, data that cannot be inflated.",
)

NOT_UTF8 = CloseCause(
    1007, "text is not UTF-8", False, "A text message or a close reason is not UTF-8 (RFC 6455 section 8.1)."
)

TOO_BIG = CloseCause(
    1009, "message is too big", False, "A message is larger, once inflated, or in more fragments than is read."
)

TOO_MANY_MESSAGES = CloseCause(
    1008, "too many messages", True, "More frames, pings included, than `gateway.message_rate` and its burst allow."
)

SLOW_CONSUMER = CloseCause(
    1013,
    "slow consumer: messages were lost, reconnect and subscribe again",
    True,
    "The reader fell behind on a channel whose messages may not be lost.",
)

INTERNAL_ERROR = CloseCause(1011, "internal error", True, "A fault of ours; it is in the server's log.")

CLOSES = (GOING_AWAY, PROTOCOL_ERROR, NOT_UTF8, TOO_MANY_MESSAGES, TOO_BIG, INTERNAL_ERROR, SLOW_CONSUMER, BEHIND, LOST)

BY_CODE = {cause.code: cause for cause in (PROTOCOL_ERROR, NOT_UTF8, TOO_BIG, INTERNAL_ERROR)}
"""What the WebSocket library fails a connection with, and what is said then."""
