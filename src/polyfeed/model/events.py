"""What can happen in the venue: the words from which all five dialects make their messages.

`docs/events.md` says which event feeds which channel. The rules of the file:

* Events carry **results, absolute**: a level's new total, an order's remaining size, a balance, a position. Whoever
  folds them assigns and never calculates.
* Public events name no account. Private ones lie in their account's part of the batch and name none either.
* An event happened at its batch's time, unless it comes from a recording or a relay, whose events bring their own `ts`
  (microseconds; 0 stands for the batch's).
* Prices and sizes are integers scaled by the instrument, amounts by the currency, rates in parts per million.
* Tags are part of the wire and journal format: never renumber, only append.

Life of an order, as the public sees it (the grammar measured on Bitstamp's wire, spec/bitstamp.md 4.5, from which every
other dialect's can be made): `OrderOpened` with its limit price and full size, even when it crosses; a `Trade` for each
match; then either `OrderRested` or `OrderClosed` for what is left, or nothing when nothing is left. Later a resting
order meets `Trade`, `OrderReduced`, `OrderRested` again (it was made larger) or `OrderClosed`. An order with a trigger
is not heard of before that fires; a quote-sized one always ends with `OrderClosed`, FILLED if it got all it asked for.
"""

from __future__ import annotations

from msgspec import Struct

from polyfeed.model.enums import (
    BalanceCause,
    CloseReason,
    ExecutionKind,
    InstrumentStatus,
    MarginAlertKind,
    MarginMode,
    OrderKind,
    OrderStatus,
    SelfTrade,
    Side,
    TimeInForce,
    Trigger,
)
from polyfeed.model.instruments import Currency, Instrument

UNKNOWN_LEVEL = -1
"""`level_size` of a trade that says nothing about the book: its levels come as `LevelSet` of their own."""


class Event(Struct, frozen=True, array_like=True, gc=False):
    """Base of all events."""


# --- the venue as a whole -------------------------------------------------------------------------------------------


class CurrencyDefined(Event, frozen=True, array_like=True, tag=1):
    """A currency is known."""

    currency: Currency


class InstrumentListed(Event, frozen=True, array_like=True, tag=2):
    """A market is open. Everything later refers to it by `instrument.id`."""

    instrument: Instrument


class InstrumentStatusSet(Event, frozen=True, array_like=True, tag=3):
    """A market was halted, restricted or reopened."""

    instrument: int
    status: InstrumentStatus


class SystemStatusSet(Event, frozen=True, array_like=True, tag=4):
    """The operator's word to all clients."""

    text: str


class AnnouncementMade(Event, frozen=True, array_like=True, tag=5):
    """Something the operator announces (Bitstamp's `announcements`); `body` is its JSON text."""

    announcement_id: int
    kind: str
    body: str


# --- order by order (instruments with detail = orders) --------------------------------------------------------------


class OrderOpened(Event, frozen=True, array_like=True, tag=10):
    """An order was accepted, its trigger fired, or it came back with a new price. It is not in the book yet.

    `size` is what it may still fill; for a quote-sized order it is 0 and `amount` (quote currency) counts.
    """

    instrument: int
    order_id: int
    side: Side
    price: int
    size: int
    kind: OrderKind = OrderKind.LIMIT
    tif: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    trigger: Trigger = Trigger.NONE
    amount: int = 0
    liquidation: bool = False
    amended: bool = False


class OrderRested(Event, frozen=True, array_like=True, tag=11):
    """What is left of an order went to the end of the queue at its price.

    It may have rested there already: when it was made larger, it leaves its place and comes last, and `level_size` is
    the level with its new size in it.
    """

    instrument: int
    order_id: int
    side: Side
    price: int
    left: int
    level_size: int


class OrderReduced(Event, frozen=True, array_like=True, tag=12):
    """A resting order became smaller without a trade and kept its place."""

    instrument: int
    order_id: int
    side: Side
    price: int
    left: int
    level_size: int


class OrderClosed(Event, frozen=True, array_like=True, tag=13):
    """An order ended with `left` unfilled. `level_size` is UNKNOWN_LEVEL when it was not in the book.

    `last_price` is the price of its last trade in this decision (of this batch, or of those it goes on from), 0 without
    one (a market order's `order_deleted` shows it).
    """

    instrument: int
    order_id: int
    side: Side
    price: int
    left: int
    reason: CloseReason
    level_size: int
    last_price: int = 0


class Trade(Event, frozen=True, array_like=True, tag=14):
    """One match of a taker with a maker, at the maker's price.

    `taker_left` and `maker_left` are what both may still fill afterwards, `level_size` the total left at `price` on the
    maker's side. A trade from a recording without orders has order ids 0, lefts 0 and UNKNOWN_LEVEL.
    """

    instrument: int
    trade_id: int
    price: int
    size: int
    taker_side: Side
    taker_kind: OrderKind
    taker_id: int = 0
    maker_id: int = 0
    taker_left: int = 0
    maker_left: int = 0
    level_size: int = UNKNOWN_LEVEL
    ts: int = 0
    execution: ExecutionKind = ExecutionKind.TRADE


# --- level by level (instruments with detail = levels: recordings and relays) ----------------------------------------


class LevelSet(Event, frozen=True, array_like=True, tag=20):
    """The total at a price changed; 0 removes the level."""

    instrument: int
    side: Side
    price: int
    size: int
    ts: int = 0


class BookReset(Event, frozen=True, array_like=True, tag=21):
    """The whole book is now this. Levels are (price, size, time of last change), best first."""

    instrument: int
    bids: list[tuple[int, int, int]]
    asks: list[tuple[int, int, int]]


class RelayedFrame(Event, frozen=True, array_like=True, tag=22):
    """A message of an upstream Peatio as it came, beside the events that were read from it."""

    stream: str
    body: bytes


# --- perpetuals ------------------------------------------------------------------------------------------------------


class IndexPriceSet(Event, frozen=True, array_like=True, tag=30):
    """The index moved."""

    instrument: int
    price: int


class MarkPriceSet(Event, frozen=True, array_like=True, tag=31):
    """The mark price moved."""

    instrument: int
    price: int


class FundingRateSet(Event, frozen=True, array_like=True, tag=32):
    """The rate that will be paid at `next_funding_ts` as things stand."""

    instrument: int
    rate_ppm: int
    next_funding_ts: int


class FundingSettled(Event, frozen=True, array_like=True, tag=33):
    """Funding was exchanged between the holders of positions."""

    instrument: int
    rate_ppm: int
    mark_price: int


class OpenInterestSet(Event, frozen=True, array_like=True, tag=34):
    """The size of all long positions together."""

    instrument: int
    size: int


class PositionLiquidated(Event, frozen=True, array_like=True, tag=35):
    """A position was taken over; `side` is that of the liquidating order, `bust_price` its bankruptcy price."""

    instrument: int
    side: Side
    size: int
    bust_price: int
    reason: str


class InsuranceFundSet(Event, frozen=True, array_like=True, tag=36):
    """What the insurance fund holds."""

    currency: str
    balance: int


class DeleveragingStateSet(Event, frozen=True, array_like=True, tag=37):
    """Auto-deleveraging began or ended in a market."""

    instrument: int
    active: bool
    reason: str


# --- private: one account's own -------------------------------------------------------------------------------------


class AccountOpened(Event, frozen=True, array_like=True, tag=50):
    """The account exists. `parent` is the account it is a sub-account of, 0 for a main one; `tier` names its quotas."""

    name: str
    house: bool = False
    parent: int = 0
    tier: str = ""


class KeySet(Event, frozen=True, array_like=True, tag=51):
    """A credential of the account is valid from now on. `verifier` is what is needed to check it, never the secret."""

    key_id: str
    scheme: str
    verifier: bytes
    permissions: tuple[str, ...] = ()


class KeyRevoked(Event, frozen=True, array_like=True, tag=52):
    """A credential is no longer valid."""

    key_id: str


class BalanceSet(Event, frozen=True, array_like=True, tag=53):
    """A balance: all that is owned, and how much of it is held for open orders and positions.

    `change` is what `total` changed by, `parts` what that was made of where it was more than the one `cause`: pairs of
    cause and amount, which add up to it. Of several, `cause` is the one that moved most. Of what is held, `margin`
    is for perpetuals, unrealised profits taken off; `order_margin` is what their open orders need beyond that of
    the positions.
    """

    currency: str
    total: int
    held: int
    cause: BalanceCause
    change: int = 0
    parts: tuple[tuple[BalanceCause, int], ...] = ()
    margin: int = 0
    order_margin: int = 0


class OwnOrderOpened(Event, frozen=True, array_like=True, tag=54):
    """The account's order was accepted: all its terms, said once. `last_price` is the market's last one until then.

    `execution` is what its fills are; anything but TRADE says that the venue made it, and why.
    """

    order_id: int
    instrument: int
    side: Side
    kind: OrderKind
    price: int
    size: int
    tif: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    self_trade: SelfTrade = SelfTrade.CANCEL_TAKER
    client_id: str = ""
    status: OrderStatus = OrderStatus.OPEN
    amount: int = 0
    expire_ts: int = 0
    trigger: Trigger = Trigger.NONE
    trigger_price: int = 0
    activation_price: int = 0
    trailing_bps: int = 0
    reduce_only: bool = False
    close_on_trigger: bool = False
    liquidation: bool = False
    replaces: int = 0
    last_price: int = 0
    execution: ExecutionKind = ExecutionKind.TRADE


class OwnOrderUpdated(Event, frozen=True, array_like=True, tag=55):
    """Where the account's order stands now.

    `left` may still fill, `filled` has filled, for `value` in the quote currency and `fees`. `rested` says whether it
    is in the book, `reason` why it ended if it did.
    """

    order_id: int
    status: OrderStatus
    left: int
    filled: int
    value: int
    fees: int
    rested: bool
    reason: CloseReason = CloseReason.FILLED


class OwnOrderAmended(Event, frozen=True, array_like=True, tag=56):
    """The account's order has new terms."""

    order_id: int
    price: int
    size: int
    left: int
    kept_place: bool


class OwnFill(Event, frozen=True, array_like=True, tag=57):
    """One match of the account's order. `fee` is in the quote currency; negative is a rebate.

    `closed_size` is how much of it made the account's position smaller. `mark_price` and `index_price` are those of a
    perpetual at that moment, 0 for spot.
    """

    order_id: int
    instrument: int
    trade_id: int
    side: Side
    price: int
    size: int
    value: int
    fee: int
    maker: bool
    left: int
    execution: ExecutionKind = ExecutionKind.TRADE
    position_id: int = 0
    realised_profit: int = 0
    closed_size: int = 0
    mark_price: int = 0
    index_price: int = 0


class OwnSelfTrade(Event, frozen=True, array_like=True, tag=58):
    """Two orders of one user were offset against each other instead of trading (Bitstamp's `self_trade`)."""

    instrument: int
    buy_order_id: int
    sell_order_id: int
    price: int
    size: int
    taker_side: Side
    buyer_account: int
    seller_account: int


class OwnTriggered(Event, frozen=True, array_like=True, tag=59):
    """A waiting order became active (`active`) or went back to waiting."""

    order_id: int
    active: bool


class PositionSet(Event, frozen=True, array_like=True, tag=60):
    """The account's position in a perpetual. `size` is negative when short; amounts are in the quote currency.

    `realised_profit` is that of this position, `realised_profit_total` that of all in this market. `deleveraging_rank`
    goes from 0 to 5, which is deleveraged first; `liquidating` says that the position is being taken over.
    """

    instrument: int
    position_id: int
    size: int
    entry_price: int
    mark_price: int
    liquidation_price: int
    bankruptcy_price: int
    leverage: int
    mode: MarginMode
    margin: int
    initial_margin: int
    maintenance_margin: int
    unrealised_profit: int
    realised_profit: int
    funding: int
    opened_ts: int = 0
    realised_profit_total: int = 0
    deleveraging_rank: int = 0
    liquidating: bool = False


class FundingPaid(Event, frozen=True, array_like=True, tag=61):
    """Funding was paid (`amount` < 0) or received for the account's position, at its value at `mark_price`; the index
    stood at `index_price`.
    """

    instrument: int
    position_id: int
    rate_ppm: int
    size: int
    amount: int
    mark_price: int = 0
    transaction_id: int = 0
    index_price: int = 0


class PositionSettled(Event, frozen=True, array_like=True, tag=62):
    """A position became smaller or closed: what it came to and what that was made of (Bitstamp's `my_settlements`).

    A fill closed `closed_size` of it: that was entered for `entry_value` and left for `exit_value`, by the order
    `order_id` on `side`, at this leverage; `closing_fee` (negative when paid) is part of `from_trading_fees`. A fee or
    a share of a loss, which no fill made, has `closed_size` 0.
    """

    instrument: int
    position_id: int
    transaction_id: int
    price: int
    strike_price: int
    amount: int
    from_price: int
    from_trading_fees: int
    from_liquidation_fees: int
    from_funding: int
    from_socialised_loss: int
    closed: bool
    side: Side = Side.BUY
    closed_size: int = 0
    entry_value: int = 0
    exit_value: int = 0
    closing_fee: int = 0
    order_id: int = 0
    leverage: int = 0
    execution: ExecutionKind = ExecutionKind.TRADE


class MarginAlert(Event, frozen=True, array_like=True, tag=63):
    """The account's margin ratio crossed a threshold (Bitstamp's `my_liquidations`). Ratios in parts per million."""

    position_id: int
    kind: MarginAlertKind
    mode: MarginMode
    initial_ratio_ppm: int
    maintenance_ratio_ppm: int


class LeverageSet(Event, frozen=True, array_like=True, tag=64):
    """The account's leverage for a market (-1: for all)."""

    instrument: int
    leverage: int
    mode: MarginMode


class DepositAddressCreated(Event, frozen=True, array_like=True, tag=65):
    """The account has a new deposit address (Peatio's `deposit_address`)."""

    currency: str
    address: str


class OwnFrameRelayed(Event, frozen=True, array_like=True, tag=66):
    """A private message of an upstream Peatio as it came, for one user's sockets."""

    stream: str
    body: bytes


class InsurancePremiumPaid(Event, frozen=True, array_like=True, tag=67):
    """The account paid into the insurance fund (`insurance_fund_premium` of Bitstamp's `my_settlements`)."""

    transaction_id: int
    currency: str
    amount: int


PublicEvent = (
    CurrencyDefined
    | InstrumentListed
    | InstrumentStatusSet
    | SystemStatusSet
    | AnnouncementMade
    | OrderOpened
    | OrderRested
    | OrderReduced
    | OrderClosed
    | Trade
    | LevelSet
    | BookReset
    | RelayedFrame
    | IndexPriceSet
    | MarkPriceSet
    | FundingRateSet
    | FundingSettled
    | OpenInterestSet
    | PositionLiquidated
    | InsuranceFundSet
    | DeleveragingStateSet
)

PrivateEvent = (
    AccountOpened
    | KeySet
    | KeyRevoked
    | BalanceSet
    | OwnOrderOpened
    | OwnOrderUpdated
    | OwnOrderAmended
    | OwnFill
    | OwnSelfTrade
    | OwnTriggered
    | PositionSet
    | FundingPaid
    | PositionSettled
    | MarginAlert
    | LeverageSet
    | DepositAddressCreated
    | OwnFrameRelayed
    | InsurancePremiumPaid
)
