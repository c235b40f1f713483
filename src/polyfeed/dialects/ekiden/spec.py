"""Every fixed fact of Ekiden's API: names, numbers, limits and texts, each with its source.

"seed" is Ekiden's own page on its WebSocket streams; "sheet" is spec/ekiden.md, which says of each fact whether it was
found elsewhere, inferred or is a decision of ours.
"""

from __future__ import annotations

from polyfeed.dialects._base.closes import CloseCause
from polyfeed.model.intervals import MONTH, WEEK_MONDAY

NAME = "ekiden"

SECOND = 1_000_000
"""Microseconds."""

# --- sockets and topics (seed, Endpoints, Topics) ---------------------------------------------------------------------

PUBLIC_PATH, PRIVATE_PATH = "/ws/public", "/ws/private"

ORDERBOOK, TRADE, TICKER, KLINE, LIQUIDATIONS = "orderbook", "trade", "ticker", "kline", "all_liquidations"
POOL, ADL = "insurance_pool", "adl_alert"
ORDER, EXECUTION, POSITION, BALANCE = "order", "execution", "position", "account_balance"

PUBLIC_TOPIC = r"^(orderbook\.[^.]+\.[^.]+|trade\.[^.]+|ticker\.[^.]+|kline\.[^.]+\.[^.]+|all_liquidations\.[^.]+)$"
PRIVATE_TOPIC = r"^(order|position|execution|account_balance)$"
"""As the seed prints them."""

LATER_TOPIC = r"^(insurance_pool|adl_alert)\.[^.]+$"
"""Public topics of a later revision (sheet 4)."""

WITH_SNAPSHOT = frozenset((ORDERBOOK, TICKER, KLINE, POOL, ADL))
"""What a subscriber is told at once (sheet 4, 5)."""

MAX_DEPTH = 1000
"""Levels a side; any whole number up to this one is a depth (sheet 4)."""

INTERVALS = {
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "2h": 7200,
    "4h": 14400,
    "6h": 21600,
    "12h": 43200,
    "1d": 86400,
    "3d": 259200,
    "1w": WEEK_MONDAY,
    "1M": MONTH,
}
"""Names of candle intervals, and the market's keys for them (sheet 4; that weeks start on Monday is our choice)."""

INTERVAL_NAMES = {key: name for name, key in INTERVALS.items()}

RANKS = {
    name: rank
    for rank, name in enumerate(
        (ORDERBOOK, TRADE, TICKER, KLINE, LIQUIDATIONS, POOL, ADL, ORDER, EXECUTION, POSITION, BALANCE)
    )
}
"""Order of one batch's frames (sheet 6 for the private ones)."""

# --- requests ---------------------------------------------------------------------------------------------------------

SUBSCRIBE, UNSUBSCRIBE, PING, AUTH, AUTH_API_KEY = "subscribe", "unsubscribe", "ping", "auth", "auth_api_key"

U64_END = 1 << 64
"""`ts` is below this, whatever its unit (sheet 3)."""

REQ_ID_LENGTH = 128
"""Characters of a `req_id`, which every reply repeats, and digits of one that is a number (our choice)."""

MAX_ARGS = 100
MAX_TOPICS = 200

# --- error texts (sheet 3) --------------------------------------------------------------------------------------------

INVALID_JSON = "INVALID_JSON"
INVALID_REQUEST = "INVALID_REQUEST"
UNKNOWN_OP = "UNKNOWN_OP"
INVALID_PUBLIC_TOPIC = "INVALID_TOPIC_FOR_PUBLIC_WS"
INVALID_PRIVATE_TOPIC = "INVALID_TOPIC_FOR_PRIVATE_WS"
UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
INVALID_DEPTH = "INVALID_DEPTH"
INVALID_INTERVAL = "INVALID_INTERVAL"
NOT_AUTHENTICATED = "NOT_AUTHENTICATED"
ALREADY_AUTHENTICATED = "ALREADY_AUTHENTICATED"
INVALID_TOKEN = "INVALID_TOKEN"
TOKEN_EXPIRED = "TOKEN_EXPIRED"
INVALID_SIGNATURE = "INVALID_SIGNATURE"
TOO_MANY_TOPICS = "TOO_MANY_TOPICS"
RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"

ERRORS = (
    INVALID_JSON,
    INVALID_REQUEST,
    UNKNOWN_OP,
    INVALID_PUBLIC_TOPIC,
    INVALID_PRIVATE_TOPIC,
    UNKNOWN_SYMBOL,
    INVALID_DEPTH,
    INVALID_INTERVAL,
    NOT_AUTHENTICATED,
    ALREADY_AUTHENTICATED,
    INVALID_TOKEN,
    TOKEN_EXPIRED,
    TOO_MANY_TOPICS,
    RATE_LIMIT_EXCEEDED,
)
"""What an `error` begins with."""

AUTH_ERRORS = (INVALID_TOKEN, TOKEN_EXPIRED, INVALID_SIGNATURE)
"""What the message of a failed `auth` begins with."""

# --- closes (sheet 3, 7; 4408 and the reasons are our choice) ---------------------------------------------------------

CLOSE_AUTH_TIMEOUT = (4401, "no auth in time")
CLOSE_AUTH_FAILED = (4401, "auth failed three times")
CLOSE_AUTH_ENDED = (4401, "the token or key is no longer valid")
CLOSE_NO_PONG = (4408, "no pong in time")
CLOSE_RATE = (1008, "rate limit exceeded persistently")
"""What "persistent" is (sheet 7) is ours: limiter.Patience."""

AUTH_FAILURES = 3

# --- signatures and tokens (sheet 2, 7) -------------------------------------------------------------------------------

KEY_SCHEME = "ed25519"
"""Scheme of the account keys that can log in here; their verifier is the public key."""

PUBLIC_KEY_BYTES, SIGNATURE_BYTES = 32, 64
AUTHORIZE_MESSAGE = "AUTHORIZE|{timestamp_ms}|{nonce}"
WS_MESSAGE = "EKIDEN_WS|AUTH|{timestamp_ms}|{nonce}"
REST_MESSAGE = "EKIDEN_API|{method}|{path}|{timestamp_ms}|{nonce}"
FRESH = 30 * SECOND
"""How far `timestamp_ms` may be from the server's time, both ways."""
NONCE_LENGTH = 128
TOKEN_LIFE = 7 * 86_400 * SECOND
TOKEN_PURPOSE = "ekiden tokens"
"""What the vault's signing key is derived for."""

READ, TRADE_PERMISSION = "read", "trade"

# --- REST (sheet 7) ---------------------------------------------------------------------------------------------------

PREFIX = "/api/v1"
REST_WINDOW = 10 * SECOND
MAX_BATCH = 20

ERROR_INVALID, ERROR_AUTH, ERROR_EXPIRED, ERROR_RATE, ERROR_NOT_FOUND = 2000, 2001, 2002, 2003, 2004
ERROR_UNAVAILABLE = 2005
"""The venue takes no commands now (ours)."""

CLOSES = (
    CloseCause(*CLOSE_AUTH_TIMEOUT, True, "Nobody logged in on the private socket within `ekiden.auth_seconds`."),
    CloseCause(*CLOSE_AUTH_FAILED, False, "Three logins failed."),
    CloseCause(*CLOSE_AUTH_ENDED, False, "The token has expired or the key was revoked; log in with another."),
    CloseCause(*CLOSE_NO_PONG, True, "A protocol ping was not answered until the next was due."),
    CloseCause(*CLOSE_RATE, True, "A hundred messages over the rate, or subscribes over the cap, within ten seconds."),
)
"""For docs/closes.md."""
