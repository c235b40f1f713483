"""What the venue can be told to do.

Commands are the only way anything enters the venue, settings included (currencies, instruments, accounts, statuses), so
a journal means the same under another configuration. Prices and sizes are integers scaled by the instrument, amounts by
the currency. Tags are part of the journal format: never renumber, only append.
"""

from __future__ import annotations

from msgspec import Struct

from polyfeed.model.enums import InstrumentStatus, MarginMode, OrderKind, SelfTrade, Side, TimeInForce, Trigger
from polyfeed.model.instruments import Currency, Instrument


class Command(Struct, frozen=True, array_like=True, gc=False):
    """Base of all commands."""


class DefineCurrency(Command, frozen=True, array_like=True, tag=1):
    """Makes a currency known."""

    currency: Currency


class ListInstrument(Command, frozen=True, array_like=True, tag=2):
    """Opens a market. Its id must be the number of instruments listed before it; its currencies must be known."""

    instrument: Instrument


class SetInstrumentStatus(Command, frozen=True, array_like=True, tag=3):
    """Halts, restricts or reopens a market. Resting orders stay."""

    instrument: int
    status: InstrumentStatus


class SetSystemStatus(Command, frozen=True, array_like=True, tag=4):
    """Tells every client a status text, such as `online` or `maintenance`. Trading itself is not touched."""

    text: str


class OpenAccount(Command, frozen=True, array_like=True, tag=5):
    """Makes an account.

    A *house* account has unlimited credit: its balances may go below zero (liquidity that the operator provides,
    imported flow). Fees in parts per million replace the instruments' own where given. `parent` is the user's main
    account for a sub-account, 0 for a main account; `tier` names the quotas that gateways admit its commands by.
    """

    account: int
    name: str
    house: bool = False
    maker_fee_ppm: int | None = None
    taker_fee_ppm: int | None = None
    parent: int = 0
    tier: str = ""


class Deposit(Command, frozen=True, array_like=True, tag=6):
    """Credits an account from outside (`amount` > 0) or pays out to it (< 0), in units of the currency."""

    account: int
    currency: str
    amount: int


class PlaceOrder(Command, frozen=True, array_like=True, tag=7):
    """Enters an order.

    `price` is a limit order's limit; for the other kinds the worst price they may trade at, 0 for any. `size` is 0 and
    `amount`, of the quote currency, counts for INSTANT (buys for it, all costs included) and CASH_SELL (sells until
    it is reached). `expire_ts` ends a GTD order; DAY ends at the next UTC midnight.

    With a `trigger` the order waits outside the book until the last price reaches `trigger_price`; a trailing one
    follows the best price since it was armed at `trailing_bps`, and is armed at `activation_price` (0: at once).

    `order_id` is 0 for the venue to choose, or the number an imported order had. `client_id` is the owner's own name
    for it, handed back on every event of the order.

    A `reduce_only` order of a perpetual never trades more than makes the account's position smaller, and ends when
    there is none; it needs no margin. `close_on_trigger` says the same of an order that is meant to close one.

    A `bound` order ends when the gateway that sends it does (`EndGateway`); the command needs an origin.
    """

    account: int
    instrument: int
    side: Side
    kind: OrderKind
    size: int
    price: int = 0
    tif: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    self_trade: SelfTrade = SelfTrade.CANCEL_TAKER
    client_id: str = ""
    order_id: int = 0
    amount: int = 0
    expire_ts: int = 0
    trigger: Trigger = Trigger.NONE
    trigger_price: int = 0
    activation_price: int = 0
    trailing_bps: int = 0
    reduce_only: bool = False
    close_on_trigger: bool = False
    bound: bool = False


class CancelOrder(Command, frozen=True, array_like=True, tag=8):
    """Takes one resting order out of the book."""

    account: int
    order_id: int


class CancelAll(Command, frozen=True, array_like=True, tag=9):
    """Takes all resting orders of an account out, of one instrument or (-1) of all, in the order of their entry."""

    account: int
    instrument: int = -1


class AmendOrder(Command, frozen=True, array_like=True, tag=10):
    """Changes a resting order's limit price or total size (what was filled included); 0 leaves either as it is.

    A smaller size keeps the order's place in its level; a new price or a larger size loses it, and may match.
    """

    account: int
    order_id: int
    price: int = 0
    size: int = 0


class Clock(Command, frozen=True, array_like=True, tag=11):
    """Lets venue time pass."""


class Proceed(Command, frozen=True, array_like=True, tag=12):
    """Goes on with a decision that was too large for one batch."""


class ReplaceOrder(Command, frozen=True, array_like=True, tag=13):
    """Ends an open order and enters a new one with other terms in its place, both or neither.

    The new order has an id of its own and the old one's other terms; 0 leaves `price` or `size` as it was. `size` is
    what the new order may fill. `new_order_id` is 0 for the venue to choose, or the number an imported order had.
    A `bound` one is bound to the gateway that sends this (`PlaceOrder`), any other to the old one's, if that was bound.
    """

    account: int
    order_id: int
    price: int = 0
    size: int = 0
    client_id: str = ""
    new_order_id: int = 0
    bound: bool = False


class SetKey(Command, frozen=True, array_like=True, tag=14):
    """Makes a credential of an account valid. `verifier` is what is needed to check it, never the bare secret."""

    account: int
    key_id: str
    scheme: str
    verifier: bytes
    permissions: tuple[str, ...] = ()


class RevokeKey(Command, frozen=True, array_like=True, tag=15):
    """Ends a credential."""

    account: int
    key_id: str


class SetIndexPrice(Command, frozen=True, array_like=True, tag=16):
    """The price of what a perpetual stands for, from outside. Its mark price moves with it, and so do all positions."""

    instrument: int
    price: int


class SetLeverage(Command, frozen=True, array_like=True, tag=17):
    """The leverage and the margin mode of an account in a perpetual, or (-1) in all of them.

    The mode can change only while the account has neither a position nor an order there. A lower leverage of an
    isolated position takes the margin that it then lacks; a higher one gives none back (`AddMargin` does).
    """

    account: int
    instrument: int
    leverage: int
    mode: MarginMode = MarginMode.CROSS


class AddMargin(Command, frozen=True, array_like=True, tag=18):
    """Puts money of the account behind an isolated position (`amount` > 0), or takes some back (< 0)."""

    account: int
    instrument: int
    amount: int


class EndGateway(Command, frozen=True, array_like=True, tag=19):
    """A gateway is gone, and with it every session on it: the open orders that are bound to it end.

    They end by their numbers, lowest first, with DISCONNECT, whatever the state of their markets: nobody is left who
    could cancel them later. Carried out again it finds nothing to do. What comes from that gateway afterwards is
    carried out like anything else, so who sends this lets nothing of the ended one come behind it.
    """

    gateway: int


AnyCommand = (
    DefineCurrency
    | ListInstrument
    | SetInstrumentStatus
    | SetSystemStatus
    | OpenAccount
    | Deposit
    | PlaceOrder
    | CancelOrder
    | CancelAll
    | AmendOrder
    | Clock
    | Proceed
    | ReplaceOrder
    | SetKey
    | RevokeKey
    | SetIndexPrice
    | SetLeverage
    | AddMargin
    | EndGateway
)


class Origin(Struct, frozen=True, array_like=True, gc=False):
    """Who asked: a gateway, and its running number for the command, by which it knows whom to answer.

    `reference` is the client's own name of the request, for dialects whose events repeat it (Rails'
    `clientRequestId`); the venue does not look at it. Gateways are numbered from 1.
    """

    gateway: int
    number: int
    reference: str = ""


class Record(Struct, frozen=True, array_like=True, gc=False):
    """A command as it came: when, what, from whom. The journal keeps these, in order."""

    ts: int
    command: AnyCommand
    origin: Origin | None = None


class Stamped(Struct, frozen=True, array_like=True, gc=False):
    """A command as the venue takes it: `seq` counts from 1, `ts` is venue microseconds and strictly increases.

    Both follow from the records before it alone: each record is one stamp, and each batch that says `more` is followed
    by a stamped `Proceed` of the same origin, which no record stands for.
    """

    seq: int
    ts: int
    command: AnyCommand
    origin: Origin | None = None
