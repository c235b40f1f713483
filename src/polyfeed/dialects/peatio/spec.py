"""Every fixed fact of Peatio's Ranger API: names, numbers, limits and texts, each with its source.

"seed" is the page "Peatio WebSocket API" of Peatio 2.2; "sheet" is spec/peatio.md, which says of each fact whether it
was seen on the wire of the original servers, stands in their source, or is a decision.
"""

from __future__ import annotations

from msgspec import Struct

from polyfeed.dialects._base.closes import CloseCause

NAME = "peatio"

SECOND = 1_000_000

# --- streams (sheet 1, 3, 4) ------------------------------------------------------------------------------------------

GLOBAL = "global"
"""The id of streams about all markets; alone, the wildcard of them."""

TRADES, UPDATE, KLINE, TICKERS = "trades", "update", "kline", "tickers"
BOOK = "ob"
"""One channel for both: increments, snapshots, or both in their order; see INCREMENTS and SNAPSHOTS."""

INC, SNAP = "-inc", "-snap"
INCREMENTS, SNAPSHOTS = 1, 2
"""What a listener of a book hears, as bits of the feed's parameter."""

ORDER, TRADE, BALANCES, BALANCE, DEPOSIT_ADDRESS = "order", "trade", "balances", "balance", "deposit_address"
PRIVATE = (ORDER, TRADE, BALANCES, BALANCE, DEPOSIT_ADDRESS)
"""The private streams made here. `balance` is AltMarkets' and SafeTrade's name of `balances` (sheet 4)."""

PERIODS = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "2h": 7200,
    "4h": 14_400,
    "6h": 21_600,
    "12h": 43_200,
    "1d": 86_400,
    "3d": 259_200,
    "1w": 604_800,
}
"""Seconds of each kline period (sheet 0)."""

RANKS = {
    ORDER: 0,
    TRADE: 1,
    BALANCES: 2,
    DEPOSIT_ADDRESS: 3,
    TRADES: 4,
    BOOK: 5,
    KLINE: 6,
    UPDATE: 7,
    TICKERS: 8,
}
"""Order of one batch's frames: a private trade comes before the public one (sheet 4), the rest is our choice."""

UPDATE_LEVELS = 300
"""Levels a side of `.update` (sheet 3)."""

SNAPSHOT_LEVELS = 301
"""Levels a side of `.ob-snap` (sheet 3)."""

UPDATE_EVERY, TICKERS_EVERY = 5 * SECOND, 5 * SECOND

# When a snapshot of the book is published again (sheet 3): at a change, once so many increments went since the last one
# and more than MANY_AFTER have passed; or with fewer of them after LONG_AFTER.
MANY_INCREMENTS = 20
MANY_AFTER = 10 * SECOND
LONG_AFTER = 60 * SECOND

LOG_LIMIT = 250
"""Increments kept after a snapshot: then they are folded into a new one. Rango closed who subscribed after 255."""

FOLDED_LEVELS = 1000
"""Levels a side of a snapshot that was made by folding an upstream's increments."""

STORE_BYTES = 4_194_304
"""Bytes of increments kept where nobody knows how to fold them; beyond it newcomers wait for the next snapshot."""

# --- limits of a connection (our choice: the originals had none but 512 bytes a message) ------------------------------

MAX_STREAMS = 1000
MAX_STREAM_CHARACTERS = 32_768
"""Of all stream names that a connection holds, which every acknowledgement repeats."""

OTHER_TOPIC = "(other)"
"""What metrics call streams that are not told of by name (our choice; Ruby had a line for each that was made up)."""

EXPIRED_CLOSE = (1008, "token expired")

STREAMS_CLOSE = (1008, "too many streams")
"""Close of a connection that goes on asking for more than MAX_STREAMS (ours; limiter.Patience)."""

PING_EVERY = 54 * SECOND
SILENCE = 60 * SECOND
"""Rango pings every 54 seconds and drops who has not answered for 60 (sheet 1, ping)."""

SILENT_CLOSE = (1008, "no answer to pings")

BLANKS = " \t\v\f\r\u0085\u00a0"
"""What Rango cuts off both ends of a message, after making each newline a blank."""

# --- texts (sheet 1 and 2) --------------------------------------------------------------------------------------------

PING, PONG = "ping", "pong"
SUBSCRIBED, UNSUBSCRIBED = "subscribed", "unsubscribed"
EVENTS = {"subscribe": SUBSCRIBED, "unsubscribe": UNSUBSCRIBED}

INVALID_EVENT = "Could not parse Type: Invalid event"
NO_STREAMS = "No streams provided"
TOO_MANY_STREAMS = f"Too many streams: a connection holds {MAX_STREAMS}"
COULD_NOT_PARSE = "Could not parse message: "
CANNOT_SUBSCRIBE = "cannot subscribe to "

AUTHENTICATED = "Authenticated."
AUTHENTICATION_FAILED = "Authentication failed."
TOKEN_TYPE = "Token type is not provided or invalid."
HANDLING_FAILED = "Error while handling message."
BEARER = "Bearer "

# --- profiles (sheet 0 and 9) -----------------------------------------------------------------------------------------


class Profile(Struct, frozen=True):
    """What differs between the eras.

    `framing`: a frame is an `object` of one key, an `array` of two, or (`routed`) name, blank, body for the exchange.
    `requests`: subscribe, unsubscribe, ping and the welcome frame. `jwt_message` and `replies`: the defaults of the
    settings of that name. `raw_query`: Rango's reading of `stream=`. `plain_snapshots`: `-snap` streams are delivered
    like any other, and increments before the first snapshot too. `public_first`: the order of names in
    acknowledgements. `go_text`: strings are escaped as Go does. `same_origin`: of a foreign page only what is
    configured is let in. `prefixed`: three-part names ask for a role. `claims`: Ruby's rules of a token, or Go's.
    `bodies` names the shapes in bodies.py; `kline_every` is microseconds, `kline_always` whether quiet ones are
    repeated.
    """

    framing: str
    requests: bool
    jwt_message: bool
    replies: str
    raw_query: bool
    plain_snapshots: bool
    public_first: bool
    go_text: bool
    binary: bool
    same_origin: bool
    prefixed: bool
    claims: str
    bodies: str
    kline_every: int
    kline_always: bool


PROFILES = {
    "2.2": Profile(
        framing="object",
        requests=True,
        jwt_message=True,
        replies="seed",
        raw_query=False,
        plain_snapshots=True,
        public_first=False,
        go_text=False,
        binary=False,
        same_origin=False,
        prefixed=False,
        claims="ruby",
        bodies="2.2",
        kline_every=15 * SECOND,
        kline_always=False,
    ),
    "3.x": Profile(
        framing="object",
        requests=True,
        jwt_message=False,
        replies="seed",
        raw_query=True,
        plain_snapshots=False,
        public_first=True,
        go_text=True,
        binary=True,
        same_origin=True,
        prefixed=True,
        claims="go",
        bodies="3.x",
        kline_every=2 * SECOND,
        kline_always=True,
    ),
    "legacy": Profile(
        framing="array",
        requests=False,
        jwt_message=True,
        replies="wire",
        raw_query=False,
        plain_snapshots=True,
        public_first=False,
        go_text=False,
        binary=False,
        same_origin=False,
        prefixed=False,
        claims="ruby",
        bodies="legacy",
        kline_every=15 * SECOND,
        kline_always=False,
    ),
}

CLOSES = (
    CloseCause(*EXPIRED_CLOSE, True, 'The token has expired, with `peatio.on_expiry = "close"`: come with a new one.'),
    CloseCause(*STREAMS_CLOSE, True, "More than a hundred subscribes over the cap of streams within ten seconds."),
    CloseCause(*SILENT_CLOSE, True, "No pong and no message for 60 seconds."),
)
"""For docs/closes.md."""
