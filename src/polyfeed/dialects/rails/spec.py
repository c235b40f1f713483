"""Every fixed fact of the Rails API: names, numbers, limits and texts, each with its source.

"seed" is the "WebSocket v2" overview; "found" stands in another page of Rails' documents; "ours" was decided here
because no page says it (README.md lists those). "sheet" is spec/rails.md, which has the evidence.
"""

from __future__ import annotations

from msgspec import Struct

from polyfeed.dialects._base.closes import CloseCause
from polyfeed.model.enums import CloseReason, Refusal, Trigger

NAME = "rails"

SECOND = 1_000_000
"""Gateway and venue time are microseconds."""

# --- streams (seed; sheet 3) ------------------------------------------------------------------------------------------

ORDERS, TRADES, PUBLIC_TRADES, PUBLIC_BOOK = "orders", "trades", "publicTrades", "publicOrderBook"

STREAMS = (ORDERS, TRADES, PUBLIC_TRADES, PUBLIC_BOOK)
"""In the order in which `activeSubscriptions` has them; also the order of one batch's frames (sheet 7)."""

DEFAULT_STREAMS = (ORDERS,)
ALL_MARKETS = "ALL"

# --- requests (sheet 3 to 7) ------------------------------------------------------------------------------------------


class Request(Struct, frozen=True):
    """A request: the `resultType` of its replies, the stream it needs, whether it is about one market (`wide`: about
    all of them where it names none), and whether it counts against the account's quota.
    """

    result: str
    stream: str = ""
    scoped: bool = False
    wide: bool = False
    charged: bool = False


PING, SUBSCRIBE, UNSUBSCRIBE = "ping", "subscribe", "unsubscribe"
EMIT_BOOK, EMIT_TRADES = "emitPublicOrderBook", "emitPublicCompletedOrders"
CREATE, CANCEL, MODIFY, LEVERAGE = "createOrder", "cancelOrder", "modifyOrder", "updateLeverage"

REQUESTS = {
    PING: Request("pong"),
    SUBSCRIBE: Request("subscribed"),
    UNSUBSCRIBE: Request("unsubscribed"),
    EMIT_BOOK: Request("publicOrderBook", PUBLIC_BOOK, scoped=True),
    EMIT_TRADES: Request("publicCompletedOrders", PUBLIC_TRADES, scoped=True),
    CREATE: Request("createOrder", ORDERS, scoped=True, charged=True),
    CANCEL: Request("cancelOrder", ORDERS, scoped=True, charged=True),
    MODIFY: Request("modifyOrder", ORDERS, scoped=True, charged=True),
    LEVERAGE: Request("updateLeverage", ORDERS, scoped=True, wide=True, charged=True),
}

# --- result types of events -------------------------------------------------------------------------------------------

BOOK, BOOK_DELTA = "publicOrderBook", "publicOrderBookDelta"
PUBLIC_FILLS, PUBLIC_FILLS_DELTA = "publicCompletedOrders", "publicCompletedOrdersDelta"
FILLS_DELTA = "completedOrdersDelta"
REJECT = "rejectOrder"
PARTIAL_FILL, FILL = "partialFillOrder", "fillOrder"
"""Names of the fill notices (ours: the page names none)."""
ERROR = "error"

# --- order states and texts (sheet 7) ---------------------------------------------------------------------------------

PENDING, ACTIVE, CANCELLING, CANCELLED = "pending", "active", "cancelling", "cancelled"
MODIFYING, MODIFIED, FILLED = "modifying", "modified", "filled"

CREATING_TEXT = "order created, pending acceptance"
ACCEPTED_TEXT = "order accepted"
CANCELLING_TEXT = "cancelling order"
CANCELLED_TEXT = "order cancelled"
MODIFYING_TEXT = "modifying order"
MODIFIED_TEXT = "original order modified"
RECREATED_TEXT = "new order created, pending acceptance"
LEVERAGE_PENDING_TEXT = "leverage update in progress, pending approval"
LEVERAGE_DONE_TEXT = "leverage updated successfully"
PARTIAL_FILL_TEXT = "order partially filled"
FILL_TEXT = "order filled"
TRIGGERED_TEXT = "order triggered"
WAITING_TEXT = "order waiting for its trigger"
AMENDED_TEXT = "order modified"

REJECT_TEXTS = {
    CloseReason.POST_ONLY: "Post-only order rejected as it would have matched immediately",
    CloseReason.FOK: "Order rejected as it could not be filled completely",
}
"""The first one is found, the second ours (other dialects can enter such orders)."""

OTHER_REJECT_TEXT = "Order rejected"

TRIGGERS = {"none": Trigger.NONE, "stopLoss": Trigger.STOP_LOSS, "takeProfit": Trigger.TAKE_PROFIT}
"""`triggerType` (ours; `none` is found)."""

TRIGGER_NAMES = {
    **{trigger: name for name, trigger in TRIGGERS.items()},
    Trigger.TRAILING_STOP_LOSS: "trailingStopLoss",
    Trigger.TRAILING_TAKE_PROFIT: "trailingTakeProfit",
}

SLIPPAGE_SCALE = 6
DEFAULT_SLIPPAGE = 20_000
"""`maxSlippage` of a market order, in parts per million: 0.02 (found)."""

MAX_LEVERAGE = 5
"""The highest that `updateLeverage` takes (found; one revision has 10), where no market allows less."""

# --- status codes and error texts -------------------------------------------------------------------------------------

OK, PENDING_STATUS = 200, 202
BAD, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT, TOO_MANY = 400, 401, 403, 404, 409, 429
UNAVAILABLE = 503

INVALID_REQUEST = "invalid request"
UNKNOWN_MESSAGE = "unknown message type: {name}"
CONTENT_NOT_OBJECT = "content must be an object"
BAD_REQUEST_ID = "clientRequestId must be a UUID"
MARKET_REQUIRED = "market is required when connected with market=ALL"
MARKET_UNKNOWN = "unknown market: {name}"
MARKET_MISMATCH = "market does not match the connection: {name}"
SUBSCRIPTION_REQUIRED = "subscription required: {name}"
SUBSCRIPTIONS_NOT_ARRAY = "subscriptions must be an array of names"
SUBSCRIPTION_UNKNOWN = "unknown subscription: {name}"
RATE_LIMITED = "rate limit exceeded"
ORDER_NOT_FOUND = "order not found"
ORDER_BEING_FILLED = "order is being filled, retry"
BAD_ORDER_ID = "orderId must be an order id"
BAD_CANCEL_BY = "cancelBy must be orderId"
BAD_SIDE = "orderType must be buy or sell"
BAD_KIND = "tradeType must be limit or market"
BAD_TRIGGER = "triggerType must be none, stopLoss or takeProfit"
BAD_NUMBER = "{field} must be a positive decimal with at most {decimals} decimals"
BAD_FLAG = "postOnly must be true or false"
BAD_SLIPPAGE = "maxSlippage must be a decimal from 0 to 1"
BAD_LIMIT = "limit must be from 1 to 500"
BAD_LEVERAGE = "leverage must be a whole number from 1 to {most}"
OTHER_LEVERAGE = "leverage must be the account's, which is {leverage}"
NO_LEVERAGE = "{name} is a spot market, which has no leverage"
NO_PERPETUALS = "no market has a leverage"
MIXED_MODES = "margin modes differ between markets: name one"
MARKET_POST_ONLY = "a market order cannot be post-only"
MARKET_WITH_PRICE = "a market order has no price"
TRIGGER_WITHOUT_PRICE = "triggerPrice without triggerType"
NOTHING_TO_MODIFY = "price or quantity is required"
NO_LIQUIDITY = "no price to measure maxSlippage from"

TEMPORARY = {
    Refusal.STORE_UNAVAILABLE: (UNAVAILABLE, "orders cannot be recorded now, retry"),
    Refusal.VENUE_AWAY: (UNAVAILABLE, "the exchange cannot be reached now, retry"),
    Refusal.OUTCOME_UNKNOWN: (UNAVAILABLE, "the outcome is not known, look at open-orders before a retry"),
}
REFUSALS = {
    Refusal.UNKNOWN_ORDER: (NOT_FOUND, ORDER_NOT_FOUND),
    Refusal.NOT_ITS_OWNER: (NOT_FOUND, ORDER_NOT_FOUND),
    Refusal.INVALID_PRICE: (BAD, "price is off the tick size or out of range"),
    Refusal.INVALID_SIZE: (BAD, "quantity is off the lot size or out of range"),
    Refusal.SIZE_TOO_SMALL: (BAD, "quantity is below the minimum"),
    Refusal.COST_TOO_SMALL: (BAD, "order value is below the minimum"),
    Refusal.INSUFFICIENT_FUNDS: (BAD, "insufficient balance"),
    Refusal.MARKET_CLOSED: (BAD, "market does not accept this now"),
    Refusal.INVALID_TERMS: (BAD, "these order terms cannot be combined"),
    **TEMPORARY,
}
OTHER_REFUSAL = (BAD, "order refused")

LEVERAGE_REFUSALS = {
    Refusal.INSUFFICIENT_FUNDS: (BAD, "insufficient balance for this leverage"),
    Refusal.INVALID_TERMS: (BAD, "positions and orders do not allow this leverage"),
    **TEMPORARY,
}
OTHER_LEVERAGE_REFUSAL = (BAD, "leverage refused")

# --- handshake (sheet 1) ----------------------------------------------------------------------------------------------

SUBPROTOCOL_PREFIX = "authorization#"
ISSUER, AUDIENCE = "staging.fungible.xyz", "staging-app.fungible.xyz"
TOKEN_SECONDS = 1800

# --- limits (sheet 9; found unless marked) ----------------------------------------------------------------------------

MINUTE = 60 * SECOND
"""Windows begin with the first request, not with the clock's minute."""

TOKENS_PER_MINUTE = 20
REST_PER_SECOND = 2000
RETAIL, MARKET_MAKER, TEST = "retail", "market_maker", "test"


class Tier(Struct, frozen=True):
    """An account's limits; 0 is none.

    `sockets` are new connections a minute, `orders` and `others` concurrent ones with and without the stream `orders`:
    of the account, or where `per_market` of each of its markets.
    """

    actions: int
    sockets: int
    orders: int
    others: int
    per_market: bool = False


TIERS = {
    RETAIL: Tier(250, 20, 5, 5),
    MARKET_MAKER: Tier(10_000, 60, 4, 2, per_market=True),
    TEST: Tier(0, 0, 0, 0),
}
"""`test` is ours; an account without a tier, or with another, is retail."""

PING_SECONDS = 30
PINGS_MISSED = 2
"""A silent connection gets a control ping each 30 s and is closed when two were not answered (ours)."""

BAD_FRAMES = 20
"""Invalid requests in a row that are answered; the next one closes (ours)."""

MAX_FRAME = 65_536

SNAPSHOT_DEFAULT, SNAPSHOT_LIMIT = 100, 500
"""Rows of a `publicCompletedOrders` (ours)."""

PAGE = 100
"""Rows of a REST page (found for completed-orders)."""

RECENT_US = 3600 * SECOND
"""How long `GET order` knows an order that ended (found)."""

ECHO = 64
"""Characters of a client's own text that an error repeats (ours)."""

CLOSE_BAD_FRAMES = (1008, "too many invalid requests")
CLOSE_BINARY = (1003, "binary frames are not supported")
CLOSE_EXPIRED = (4401, "token expired")
CLOSE_REVOKED = (4401, "key revoked")
CLOSE_AGE = (1001, "going away")
CLOSE_RATE = (1008, "rate limit exceeded")
CLOSE_SILENT = (1011, "keepalive ping timeout")

CLOSES = (
    CloseCause(*CLOSE_BAD_FRAMES, False, "Several messages in a row were no requests."),
    CloseCause(*CLOSE_BINARY, False, "A binary message."),
    CloseCause(*CLOSE_EXPIRED, True, "The token has expired, with `rails.close_on_expiry`: come with a new one."),
    CloseCause(*CLOSE_REVOKED, False, "The key of the token was revoked, or may no longer trade."),
    CloseCause(*CLOSE_AGE, True, "The connection is as old as `rails.max_age` lets it become."),
    CloseCause(*CLOSE_RATE, True, "More than a hundred requests over the rate of the account within ten seconds."),
    CloseCause(*CLOSE_SILENT, True, "Pings were not answered."),
)
"""For docs/closes.md."""
