"""Every fixed fact of the Kraken public WebSocket API: names, numbers, limits and texts, each with its source.

"seed" is Kraken's own document "WebSockets Public API Version 0.2.0"; "sheet" is spec/kraken.md, which says of each
fact whether it was observed on the real wire, stands in a later document, or is a recommendation.
"""

from __future__ import annotations

from msgspec import Struct

from polyfeed.dialects._base.closes import CloseCause

NAME = "kraken"

# --- channels ---------------------------------------------------------------------------------------------------------

TICKER, OHLC, TRADE, BOOK, SPREAD = "ticker", "ohlc", "trade", "book", "spread"

CHANNELS = (TICKER, OHLC, TRADE, BOOK, SPREAD)
"""In the order in which `*` is answered (sheet 3.3, recommended)."""

ALL_CHANNELS = "*"
"""Subscription name for all channels (seed, subscribe)."""

DEPTHS = (10, 25, 100, 500, 1000)
"""Book levels a side (seed, subscribe)."""

INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
"""Minutes of a candle (seed, subscribe)."""

PARAMETER_FIELD = {BOOK: "depth", OHLC: "interval"}
"""The field of `subscription` that belongs to a channel (seed, subscribe)."""

PARAMETERS = {BOOK: DEPTHS, OHLC: INTERVALS}
"""What that field may be; the first value is the default (seed, subscribe; sheet 3.1)."""

CHECKSUM_LEVELS = 10
"""Levels a side that the checksum covers, whatever the depth (sheet 3.10)."""

TRADE_SNAPSHOT = 50
"""Trades of the trade snapshot that the newest v1 page promises (sheet 3.7; off by default)."""

RANKS = {BOOK: 0, TRADE: 1, TICKER: 2, SPREAD: 3, OHLC: 4}
"""Order of one batch's frames: that of the channels' numbers in 0.2.0 (our choice, nothing is known)."""

# --- pairs ------------------------------------------------------------------------------------------------------------

ALIASES = {"BTC": "XBT", "DOGE": "XDG", "STR": "XLM"}
"""Other spellings of an asset; replies name the canonical one (seed, Supported Pairs; sheet 1.7)."""

VOLUME_DECIMALS = 8
"""Decimals of every volume (sheet 3.5)."""

# --- limits -----------------------------------------------------------------------------------------------------------

REQID_END = 1 << 64
"""`reqid` is below this; 0 is accepted (sheet 2.3, 3.1)."""

ECHO_LIMIT = 512
"""Characters of `reqid` and `subscription` together, which every reply repeats. More is `Malformed request`: otherwise
one message with thousands of pairs could ask for replies of a hundred megabytes (our choice)."""

NESTING_LIMIT = 64
"""Arrays and objects inside each other; more is `Malformed request` (our choice)."""

SECOND = 1_000_000
HEARTBEAT_INTERVAL = SECOND
"""Microseconds between heartbeats (seed, heartbeat; sheet 1.4)."""

IDLE_CLOSE = (1000, "no subscription")
"""Close code and reason of a connection without subscription (sheet 0 and 1.6; the code is recommended)."""

RATE_CLOSE = (1008, "message rate exceeded")
"""Close of a connection that goes on over the rate after it was told so a hundred times within ten seconds (our choice:
no document says what comes after the errors)."""

STATUS_ONLINE = "online"
STATUS_MAINTENANCE = "maintenance"
"""Values of systemStatus (seed, systemStatus; sheet 1.2). The second one is said while the feed is behind as well."""
STATUSES = (STATUS_ONLINE, STATUS_MAINTENANCE, "cancel_only", "limit_only", "post_only")
"""Those that clients know, the last three from 1.x on. Profile 0.2.0 has any text beside them (seed, systemStatus)."""

# --- events of requests -----------------------------------------------------------------------------------------------

PING, SUBSCRIBE, UNSUBSCRIBE = "ping", "subscribe", "unsubscribe"
EVENTS = frozenset((PING, SUBSCRIBE, UNSUBSCRIBE))

# --- error texts (sheet 2.2 and 2.3) ----------------------------------------------------------------------------------

MALFORMED = "Malformed request"
NO_EVENT = "Event(s) not found"
UNSUPPORTED_EVENT = "Unsupported event"
BAD_REQID = "Reqid field must be a positive integer less than 18446744073709551616"
SUBSCRIPTION_NOT_OBJECT = "Subscription field must be an object"
BAD_NAME = "Subscription name invalid"
UNSUPPORTED_FIELD = "Subscription object unsupported field"
FOREIGN_FIELD = "Subscription {name} doesn't require {field}"
NOT_INTEGER = {
    BOOK: "Subscription book depth must be an integer",
    OHLC: "Subscription ohlc interval must be an integer",
}
NOT_SUPPORTED = {BOOK: "Subscription depth not supported", OHLC: "Subscription ohlc interval not supported"}
INTERVAL_NULL = "Subscription ohlc requires interval"
PAIR_NOT_ARRAY = "Pair field must be an array"
NO_PAIR = "Pair(s) not found"
PAIR_FORMAT = "Currency pair not in ISO 4217-A3 format"
PAIR_UNSUPPORTED = "Currency pair not supported"
ALREADY_SUBSCRIBED = "Already subscribed"
NOT_SUBSCRIBED = "Subscription Not Found"
RATE_EXCEEDED = "Exceeded msg rate"

# --- profiles (sheet 0 and 1.8) ---------------------------------------------------------------------------------------


class Profile(Struct, frozen=True):
    """What differs between the two generations of the wire.

    `stride` and `offsets` make channel numbers; that of `ohlc` is the one of its first interval. `error_event` says
    that what is not JSON, and what is over the message rate, is answered with `event: "error"`; `names_pair` that
    pair errors end with the pair, `names_field` that a field of another channel is named; `private` that the private
    channels and requests are known by name.
    """

    version: str
    stride: int
    offsets: dict[str, int]
    error_event: bool
    names_pair: bool
    names_field: bool
    private: bool


PROFILES = {
    "0.2.0": Profile(
        version="0.2.0",
        stride=13,
        offsets={BOOK: 0, TRADE: 1, TICKER: 2, SPREAD: 3, OHLC: 4},
        error_event=False,
        names_pair=False,
        names_field=False,
        private=False,
    ),
    "1.x": Profile(
        version="1.9.0",
        stride=16,
        offsets={BOOK: 0, TRADE: 1, TICKER: 4, SPREAD: 5, OHLC: 7},
        error_event=True,
        names_pair=True,
        names_field=True,
        private=True,
    ),
}

CLOSES = (
    CloseCause(*IDLE_CLOSE, True, "Nothing was subscribed to for `kraken.idle_timeout`, and no ping came."),
    CloseCause(*RATE_CLOSE, True, "More than a hundred messages over `kraken.message_rate` within ten seconds."),
)
"""For docs/closes.md."""
