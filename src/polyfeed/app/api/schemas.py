"""What goes over the native API. Prices, sizes and amounts are decimal text, times microseconds since the epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from polyfeed.app.flow_clock import LEAST_SPEED, MOST_SPEED
from polyfeed.dialects.registry import DIALECTS
from polyfeed.gateway.faults.terms import Kind

if TYPE_CHECKING:
    Dialects = str
else:
    Dialects = Literal[("all", *DIALECTS)]

Text = Annotated[str, Meta(max_length=200)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
ClientId = Annotated[str, Meta(max_length=64)]
Whole = Annotated[int, Meta(ge=0, lt=2**62)]
SideName = Literal["buy", "sell"]
TypeName = Literal["limit", "market", "instant", "cash_sell"]
TifName = Literal["gtc", "ioc", "fok", "day", "gtd"]
SelfTradeName = Literal["cancel_taker", "cancel_maker", "cancel_both", "decrement"]
TriggerName = Literal["none", "stop_loss", "take_profit", "trailing_stop_loss", "trailing_take_profit"]
Permission = Literal["read", "trade"]


class Status(Struct, frozen=True, forbid_unknown_fields=True):
    """A status text."""

    status: Annotated[str, Meta(min_length=1, max_length=200)]


class InstrumentView(Struct, frozen=True):
    """A market: its canonical name, what can be done in it, its steps, and its symbol in each dialect."""

    name: str
    status: str
    kind: str
    base: str
    quote: str
    tick: str
    lot: str
    min_size: str
    symbols: dict[str, str]


class NewAccount(Struct, frozen=True, forbid_unknown_fields=True):
    """An account to be opened; `parent` makes it a sub-account of a main account."""

    name: Name
    parent: Whole = 0
    tier: Annotated[str, Meta(max_length=32)] = ""


class AccountView(Struct, frozen=True):
    """An account and the ids of its keys."""

    id: int
    name: str
    parent: int
    tier: str
    house: bool
    keys: list[str]


class Transfer(Struct, frozen=True, forbid_unknown_fields=True):
    """An amount paid in, or out where it is negative."""

    currency: Name
    amount: Text


class NewKey(Struct, frozen=True, forbid_unknown_fields=True):
    """A key to be made. An HMAC key gets a secret; an Ed25519 key is its own public half, 32 bytes in hexadecimal."""

    permissions: tuple[Permission, ...] = ("read", "trade")
    scheme: Literal["hmac", "ed25519"] = "hmac"
    public_key: Text = ""


class KeyView(Struct, frozen=True):
    """A key that was just made. Its secret is shown this once and never again."""

    key: str
    secret: str
    permissions: list[str]


class NewToken(Struct, frozen=True, forbid_unknown_fields=True):
    """Asks for a dialect's token."""

    dialect: Name


class TokenView(Struct, frozen=True):
    """A token, ready to be used as that exchange's documents say."""

    token: str


class BalanceView(Struct, frozen=True):
    """A balance: all of it, what open orders hold, what is left to spend."""

    currency: str
    total: str
    held: str
    available: str


class NewOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """An order to be placed.

    `size` is in the base currency; `amount`, in the quote currency, takes its place for `instant` and `cash_sell`.
    `price` is the limit, or for the other types the worst price allowed.
    """

    instrument: Name
    side: SideName
    type: TypeName = "limit"
    size: Text = ""
    price: Text = ""
    amount: Text = ""
    time_in_force: TifName = "gtc"
    expire_at: Whole = 0
    post_only: bool = False
    self_trade: SelfTradeName = "cancel_taker"
    client_id: ClientId = ""
    trigger: TriggerName = "none"
    trigger_price: Text = ""
    activation_price: Text = ""
    trailing_bps: Whole = 0
    reduce_only: bool = False


class Amendment(Struct, frozen=True, forbid_unknown_fields=True):
    """New terms of an open order; what is left out stays. `size` is the whole, what was filled included."""

    price: Text = ""
    size: Text = ""


class OrderView(Struct, frozen=True):
    """An order as it stands."""

    id: int
    client_id: str
    instrument: str
    side: str
    type: str
    time_in_force: str
    post_only: bool
    price: str
    size: str
    left: str
    filled: str
    value: str
    fees: str
    status: str
    reason: str
    trigger: str
    trigger_price: str
    opened_at: int
    updated_at: int


class FillView(Struct, frozen=True):
    """A match of an order. `fee` is in the quote currency; negative is a rebate."""

    trade_id: int
    order_id: int
    instrument: str
    side: str
    price: str
    size: str
    value: str
    fee: str
    liquidity: str
    at: int


class Accepted(Struct, frozen=True):
    """The venue carried a command out; `order_id` is that of the order it made, or 0."""

    order_id: int


class PositionView(Struct, frozen=True):
    """A position in a perpetual: `size` is negative when short, amounts are in the quote currency."""

    instrument: str
    size: str
    entry_price: str
    mark_price: str
    liquidation_price: str
    leverage: int
    mode: str
    margin: str
    unrealised_profit: str
    realised_profit: str
    funding: str


class FlowControl(Struct, frozen=True, forbid_unknown_fields=True):
    """How the flow is to go on; what is left out stays. `speed` 1 is that of real time, on top of `flow.speed`."""

    speed: Annotated[float, Meta(ge=LEAST_SPEED, le=MOST_SPEED)] | None = None
    paused: bool | None = None


class FlowStep(Struct, frozen=True, forbid_unknown_fields=True):
    """How far a flow that stands still is moved, in milliseconds of its time."""

    milliseconds: Annotated[int, Meta(ge=1, le=60_000)] = 100


class FlowView(Struct, frozen=True):
    """How the flow goes on; `sources` is how many make it."""

    speed: float
    paused: bool
    sources: int


class DemoUser(Struct, frozen=True):
    """A user of the demo, with a key that everybody knows."""

    account: str
    key: str
    secret: str


class DialectPort(Struct, frozen=True):
    """Where a dialect listens: one port for WebSocket and REST, and one with TLS where there is one (else 0)."""

    name: str
    port: int
    tls_port: int


class DirectoryView(Struct, frozen=True):
    """Where everything is. `users` are those of the demo, none outside it."""

    version: str
    demo: bool
    dialects: list[DialectPort]
    users: list[DemoUser]


class CloseCount(Struct, frozen=True):
    """How often the server closed connections with a code and a reason."""

    code: int
    reason: str
    count: int


class ChannelCount(Struct, frozen=True):
    """How many feeds of a channel there are, and how many subscriptions of them all."""

    channel: str
    feeds: int
    subscriptions: int


class DeliveryView(Struct, frozen=True):
    """Deliveries by how long the first frame of each waited for the last write, and the sum of those times.

    `counts[i]` are those of at most `bounds_us[i]` microseconds (and above the bound before it); the last one counts
    what was slower than every bound.
    """

    bounds_us: list[int]
    counts: list[int]
    sum_us: int


class DialectState(Struct, frozen=True):
    """What one dialect's port does. Counts are since the start, `connections`, `slow` and `channels` of now.

    `slow` are connections whose socket takes no more; `healed` got a snapshot in place of what they missed; `refused`
    counts handshakes and calls answered with an error, by HTTP status.
    """

    name: str
    connections: int
    slow: int
    frames: int
    healed: int
    refused: dict[str, int]
    closes: list[CloseCount]
    channels: list[ChannelCount]
    delivery: DeliveryView


class GatewayState(Struct, frozen=True):
    """What the gateway does. `time` is the server's; `seq` and `ts` are those of the venue's last batch."""

    time: int
    seq: int
    ts: int
    dialects: list[DialectState]


class NewFault(Struct, frozen=True, forbid_unknown_fields=True):
    """A fault on purpose, done to the connections that are open now: to one, or to all of a dialect.

    `seconds` is how long it lasts, until it is cleared where it is null (delay, silence, half_open, maintenance); `ms`
    is by how much everything is late (delay); `count` is how many messages are altered, one where it is null (drop,
    checksum, duplicate).
    """

    dialect: Dialects
    kind: Kind
    connection: Annotated[str, Meta(max_length=20, description="id of one; all without")] | None = None
    seconds: Annotated[float, Meta(gt=0, le=86_400, description="how long; without, until cleared")] | None = None
    ms: Annotated[int, Meta(ge=1, le=60_000, description="delay of every message")] | None = None
    count: Annotated[int, Meta(ge=1, le=1_000_000, description="messages to alter; 1 without")] | None = None


class FaultView(Struct, frozen=True):
    """A fault: what was asked for, the ids of the connections it was done to, how many messages it has altered."""

    id: int
    dialect: str
    connection: str | None
    kind: str
    seconds: float | None
    ms: int | None
    count: int | None
    connections: list[str]
    hits: int


class ConnectionView(Struct, frozen=True):
    """A connection: its id, the account whose own channels it hears (0 for none), what it hears, the bytes that are
    queued for it, and whether its end has begun.
    """

    id: str
    dialect: str
    account: int
    subscriptions: list[str]
    waiting_bytes: int
    closing: bool


class ProblemView(Struct, frozen=True):
    """Why a call was not answered."""

    error: str
