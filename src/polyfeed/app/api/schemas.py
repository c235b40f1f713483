"""What goes over the native API. Prices, sizes and amounts are decimal text, times microseconds since the epoch."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Text = Annotated[str, Meta(max_length=200)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
ClientId = Annotated[str, Meta(max_length=64)]
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
    parent: int = 0
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
    expire_at: int = 0
    post_only: bool = False
    self_trade: SelfTradeName = "cancel_taker"
    client_id: ClientId = ""
    trigger: TriggerName = "none"
    trigger_price: Text = ""
    activation_price: Text = ""
    trailing_bps: int = 0
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


class ProblemView(Struct, frozen=True):
    """Why a call was not answered."""

    error: str
