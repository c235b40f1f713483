"""Every fixed fact of Bitstamp's WebSocket API v2: names, numbers, limits and texts, each with its source.

"seed" is Bitstamp's own page "Websocket API v2"; "sheet" is spec/bitstamp.md, which says of each fact whether it was
captured on the real wire, stands in a newer page, or is a decision.
"""

from __future__ import annotations

from polyfeed.dialects._base.closes import CloseCause

NAME = "bitstamp"

# --- channels (seed, Channels; sheet 4 and 5) -------------------------------------------------------------------------

LIVE_TRADES, LIVE_ORDERS = "live_trades", "live_orders"
ORDER_BOOK, DETAIL_ORDER_BOOK, DIFF_ORDER_BOOK = "order_book", "detail_order_book", "diff_order_book"
FUNDING_RATE, ANNOUNCEMENTS = "funding_rate", "announcements"
MY_ORDERS, MY_TRADES, SELF_TRADES = "private-my_orders", "private-my_trades", "private-live_trades"
MY_SETTLEMENTS, MY_LIQUIDATIONS = "private-my_settlements", "private-my_liquidations"
MY_TOKEN_SETTLEMENTS = "private-my_token_settlements"

PUBLIC = (LIVE_TRADES, LIVE_ORDERS, ORDER_BOOK, DETAIL_ORDER_BOOK, DIFF_ORDER_BOOK, FUNDING_RATE)
"""The public channels of a market."""

PRIVATE_OF_MARKET = (MY_ORDERS, MY_TRADES, SELF_TRADES)
PRIVATE_OF_USER = (MY_SETTLEMENTS, MY_LIQUIDATIONS, MY_TOKEN_SETTLEMENTS)

RANKS = {
    name: rank
    for rank, name in enumerate(
        (
            LIVE_TRADES,
            LIVE_ORDERS,
            DIFF_ORDER_BOOK,
            ORDER_BOOK,
            DETAIL_ORDER_BOOK,
            FUNDING_RATE,
            ANNOUNCEMENTS,
            MY_ORDERS,
            MY_TRADES,
            SELF_TRADES,
            MY_SETTLEMENTS,
            MY_LIQUIDATIONS,
        )
    )
}
"""Order of one batch's frames: trades before orders, as in 92 % of what was recorded (sheet 4.5, rule 7)."""

BOOK_DEPTH = 100
"""Levels, or orders, a side of `order_book` and `detail_order_book` (seed, Live order book)."""

# --- requests (seed, Subscriptions and Heartbeat) ---------------------------------------------------------------------

SUBSCRIBE, UNSUBSCRIBE, HEARTBEAT = "bts:subscribe", "bts:unsubscribe", "bts:heartbeat"

# --- errors (sheet 3) -------------------------------------------------------------------------------------------------

NOT_JSON = "Incorrect JSON format."
BAD_SUBSCRIPTION = "Bad subscription string."
INVALID_CHANNEL = "Invalid channel provided."
UNAUTHORIZED = "Connection is unauthorized."
UNAUTHORIZED_CODE = 4009

# --- limits and closes (sheet 1, 7 and 12) ----------------------------------------------------------------------------

SECOND = 1_000_000
DAY = 86_400 * SECOND

PING_INTERVAL = 54 * SECOND
"""Between the server's protocol pings on every socket (captured)."""

TOO_BIG = 1009
TOO_BIG_REASON = "read limited at {} bytes"
"""Close of a connection whose client sent a larger frame; one byte more than is read (captured: 513)."""

CHANNELS_CLOSE = (1001, "too many channels")
"""Close of a connection that wants a channel too many; "silently" says the page, code and reason are our choice."""

RECONNECT_CLOSE = (1001, "reconnect")
"""Close after `bts:request_reconnect` (our choice)."""

PINGS_MISSED = 2
SILENT_CLOSE = (1001, "no answer to pings")
"""After so many protocol pings without a frame in return (captures show only sockets that answer: our choice)."""

# --- orders -----------------------------------------------------------------------------------------------------------

MARKET_BUY_PRICE = 999_999_999
"""What stands in the price of a market order to buy, in whole units of the counter currency; to sell it is 0 (sheet
4.5, rule 5)."""

CREATED, CHANGED, DELETED, REPLACED = "order_created", "order_changed", "order_deleted", "order_replaced"
STOP_ACTIVE, STOP_INACTIVE = "stop_active", "stop_inactive"

ORDERBOOK, STOP_ORDER = "orderbook", "stop_order"
"""The two values of `order_source`."""

SUBTYPE_NAMES = {
    0: "LIMIT",
    1: "INSTANT",
    2: "MARKET",
    3: "LIMIT",
    4: "LIMIT",
    5: "LIMIT",
    6: "LIMIT",
    7: "CASH",
    8: "LIMIT",
    20: "STOP_LOSS",
    21: "TAKE_PROFIT",
    22: "STOP_LOSS_LIMIT",
    23: "TAKE_PROFIT_LIMIT",
    24: "TRAILING_STOP_LOSS",
    25: "TRAILING_TAKE_PROFIT",
    26: "TRAILING_STOP_LOSS_LIMIT",
    27: "TRAILING_TAKE_PROFIT_LIMIT",
}
"""`subtype` of the REST calls for each `order_subtype` of the socket (OpenAPI file; seed, where 26 has a typo)."""

TRADE_TYPES = (
    "ORDERBOOK",
    "POSITION_LIQUIDATION",
    "COLLATERAL_LIQUIDATION",
    "POSITION_MARKET_WIDE_CLOSURE",
    "POSITION_ASSIGNMENT",
    "POSITION_ADL",
)
"""`trade_type` of my_trades in the order of `ExecutionKind` (seed, Private My Trades)."""

ALERTS = ("im_breach_warning", "im_breach", "mm_breach_warning", "liquidation_start", "liquidation_concluded")
"""Events of my_liquidations in the order of `MarginAlertKind` (seed, Private Liquidations)."""

# --- REST -------------------------------------------------------------------------------------------------------------

ROOT = "/api/v2/"

OHLC_STEPS = (60, 180, 300, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 259200)
"""Seconds of a candle (OpenAPI file, ohlc)."""

CURRENCY_NAMES = {
    "AAVE": "Aave",
    "ADA": "Cardano",
    "ALGO": "Algorand",
    "ATOM": "Cosmos",
    "AUD": "Australian dollar",
    "BCH": "Bitcoin Cash",
    "BTC": "Bitcoin",
    "CAD": "Canadian dollar",
    "CHF": "Swiss franc",
    "COMP": "Compound",
    "DAI": "Dai",
    "DOGE": "Dogecoin",
    "DOT": "Polkadot",
    "ETC": "Ethereum Classic",
    "ETH": "Ether",
    "EUR": "Euro",
    "GBP": "British pound",
    "JPY": "Japanese yen",
    "LINK": "Chainlink",
    "LTC": "Litecoin",
    "SOL": "Solana",
    "USD": "U.S. dollar",
    "USDC": "USD Coin",
    "USDT": "Tether",
    "XLM": "Stellar Lumens",
    "XRP": "XRP",
}
"""Names for `description`; other currencies are named by their codes."""

FIAT = frozenset(("AUD", "CAD", "CHF", "EUR", "GBP", "JPY", "SGD", "USD"))
"""Currencies that are money (`type` of the currencies call)."""

CLOSES = (
    CloseCause(TOO_BIG, TOO_BIG_REASON.format(513), False, "A message is larger than `bitstamp.max_message`."),
    CloseCause(*CHANNELS_CLOSE, True, "More channels were asked for than `bitstamp.max_channels`."),
    CloseCause(
        *RECONNECT_CLOSE,
        True,
        "The client was asked to reconnect, and has not within the time it is given; at once where messages were lost.",
    ),
    CloseCause(*SILENT_CLOSE, True, "Two protocol pings were not answered."),
)
"""For docs/closes.md."""
