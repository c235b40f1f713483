"""Small closed sets. The integer values are part of the journal format: never renumber, only append."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Side(IntEnum):
    """Side of an order. The values are those of Bitstamp's `order_type`."""

    BUY = 0
    SELL = 1


class OrderKind(IntEnum):
    """What an order asks for. Only a limit order has a price and may rest.

    INSTANT buys for a given amount of the quote currency, CASH_SELL sells until a given amount of it is reached.
    """

    LIMIT = 0
    MARKET = 1
    INSTANT = 2
    CASH_SELL = 3


class TimeInForce(IntEnum):
    """How long an order may wait for its counterpart."""

    GTC = 0
    IOC = 1
    FOK = 2
    DAY = 3
    GTD = 4


class Trigger(IntEnum):
    """What makes a waiting order active."""

    NONE = 0
    STOP_LOSS = 1
    TAKE_PROFIT = 2
    TRAILING_STOP_LOSS = 3
    TRAILING_TAKE_PROFIT = 4


class ExecutionKind(IntEnum):
    """What made a fill (the six `trade_type` values of Bitstamp's page, and what Ekiden's `exec_type` adds)."""

    TRADE = 0
    POSITION_LIQUIDATION = 1
    COLLATERAL_LIQUIDATION = 2
    MARKET_WIDE_CLOSURE = 3
    ASSIGNMENT = 4
    DELEVERAGING = 5


class MarginMode(IntEnum):
    """Whether a position is secured by its own margin or by the account's."""

    CROSS = 0
    ISOLATED = 1


class MarginAlertKind(IntEnum):
    """The five alerts of Bitstamp's `my_liquidations`, in the order in which a sinking account meets them."""

    INITIAL_MARGIN_WARNING = 0
    INITIAL_MARGIN = 1
    MAINTENANCE_MARGIN_WARNING = 2
    LIQUIDATION_START = 3
    LIQUIDATION_CONCLUDED = 4


class BalanceCause(IntEnum):
    """Why a balance changed.

    FILL is a spot trade: what was paid or received, its fee included; of a perpetual's fills come the FEE and, for the
    profit of what they close, SETTLEMENT, or LIQUIDATION or DELEVERAGING where that is what closed it. INSURANCE is
    what is paid to the insurance fund or by it, SOCIALISED_LOSS a share of what it could not pay.
    """

    DEPOSIT = 0
    WITHDRAWAL = 1
    HOLD = 2
    RELEASE = 3
    FILL = 4
    FEE = 5
    FUNDING = 6
    SETTLEMENT = 7
    LIQUIDATION = 8
    DELEVERAGING = 9
    INSURANCE = 10
    SOCIALISED_LOSS = 11


class SelfTrade(IntEnum):
    """What happens when an order meets another one of the same account.

    CANCEL_TAKER ends the arriving order, CANCEL_MAKER the resting one, CANCEL_BOTH both; DECREMENT offsets them against
    each other without a trade (what Bitstamp announces as `self_trade`); ALLOW trades, for imported flow whose real
    owners are not known.
    """

    CANCEL_TAKER = 0
    CANCEL_MAKER = 1
    CANCEL_BOTH = 2
    DECREMENT = 3
    ALLOW = 4


class InstrumentKind(IntEnum):
    """What is traded."""

    SPOT = 0
    PERPETUAL = 1


class Priced(IntEnum):
    """Whose prices a candle is made of: those of trades, or a perpetual's mark or index price as it was told."""

    TRADES = 0
    MARK = 1
    INDEX = 2


class Detail(IntEnum):
    """What is known of an instrument's book: every order, or only the total of each price level."""

    ORDERS = 0
    LEVELS = 1


class InstrumentStatus(StrEnum):
    """What may be done with an instrument. The names are Kraken's `status` of AssetPairs, and `halted`."""

    ONLINE = "online"
    CANCEL_ONLY = "cancel_only"
    POST_ONLY = "post_only"
    LIMIT_ONLY = "limit_only"
    HALTED = "halted"


class OrderStatus(IntEnum):
    """Where an order is in its life, as its owner sees it."""

    OPEN = 0
    FILLED = 1
    CANCELLED = 2
    EXPIRED = 3
    UNTRIGGERED = 4
    TRIGGERED = 5
    REJECTED = 6


class CloseReason(IntEnum):
    """Why an order ended with something left. `FILLED` stands for an order with nothing left."""

    FILLED = 0
    USER = 1
    IOC = 2
    FOK = 3
    POST_ONLY = 4
    MARKET_REST = 5
    SELF_TRADE = 6
    NO_FUNDS = 7
    AMENDED = 8
    EXPIRED = 9
    OPERATOR = 10
    DISCONNECT = 11
    REPLACED = 12
    REDUCE_ONLY = 13
    LIQUIDATION = 14


class Refusal(StrEnum):
    """Why a command was refused. Dialects map these to their own error texts."""

    UNKNOWN_ACCOUNT = "unknown account"
    UNKNOWN_INSTRUMENT = "unknown instrument"
    UNKNOWN_CURRENCY = "unknown currency"
    UNKNOWN_ORDER = "unknown order"
    ALREADY_EXISTS = "already exists"
    DUPLICATE_ORDER_ID = "duplicate order id"
    INVALID_PRICE = "price is not a positive multiple of the tick"
    INVALID_SIZE = "size is not a positive multiple of the lot"
    SIZE_TOO_SMALL = "size is below the minimum"
    COST_TOO_SMALL = "cost is below the minimum"
    INVALID_AMOUNT = "amount is not valid"
    INVALID_TERMS = "these terms cannot stand together"
    INSUFFICIENT_FUNDS = "insufficient funds"
    MARKET_CLOSED = "the market does not take this now"
    SIZE_BELOW_FILLED = "new size is not above what was filled"
    NOT_ITS_OWNER = "the order belongs to another account"
    STORE_UNAVAILABLE = "the venue cannot record orders now"
    VENUE_AWAY = "the venue cannot be reached now"
    OUTCOME_UNKNOWN = "the outcome is not known: look for the order before you send it again"

    @property
    def undecided(self) -> bool:
        """Whether the command never came to a decision: nothing was done, and the same may be sent again."""
        return self in (Refusal.STORE_UNAVAILABLE, Refusal.VENUE_AWAY)

    @property
    def temporary(self) -> bool:
        """Whether it is no fault of the command, and says nothing about it."""
        return self.undecided or self is Refusal.OUTCOME_UNKNOWN
