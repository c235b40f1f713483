"""The accounts as bytes, and back. The form is canonical: equal accounts give equal bytes, however they came to be."""

from __future__ import annotations

from collections import deque

import msgspec
from msgspec import Struct

from polyfeed.accounts.account import FILLS_KEPT, Account, Balance, Payment, Settlement
from polyfeed.model.events import KeySet, LeverageSet, PositionSet
from polyfeed.model.orders import Fill, OwnOrder

FORMAT = 3
"""Counts up whenever the form changes: a snapshot of another form is refused, not misread."""


class AccountImage(Struct, frozen=True, array_like=True):
    """An account as a value. Orders are in the order of their entry or end, the rest in that of their keys."""

    account_id: int
    name: str
    house: bool
    parent: int
    tier: str
    balances: dict[str, Balance]
    orders: list[OwnOrder]
    closed: list[OwnOrder]
    fills: list[Fill]
    keys: dict[str, KeySet]
    positions: list[PositionSet]
    leverages: list[LeverageSet]
    addresses: dict[str, str]
    payments: list[Payment]
    settlements: list[Settlement]


class AccountsImage(Struct, frozen=True, array_like=True):
    """All accounts as a value, in the order of their numbers. `seen` has (epoch, seq) in the order of the epochs."""

    form: int
    epoch: int
    seq: int
    ts: int
    seen: list[tuple[int, int]]
    accounts: list[AccountImage]


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(AccountsImage)


def encode(image: AccountsImage) -> bytes:
    """The image as bytes; dict keys in their own order, not in that of their arrival."""
    return _encoder.encode(image)


def decode(data: bytes) -> AccountsImage:
    """Reads what `encode` wrote. Raises ValueError (msgspec's are) on anything else, another `FORMAT` included."""
    image = _decoder.decode(data)
    if image.form != FORMAT:
        raise ValueError(f"the snapshot has form {image.form}, this version reads {FORMAT}")
    return image


def image_of(account: Account) -> AccountImage:
    """An account as a value."""
    return AccountImage(
        account.account_id,
        account.name,
        account.house,
        account.parent,
        account.tier,
        account.balances,
        list(account.orders.values()),
        list(account.closed.values()),
        list(account.fills),
        account.keys,
        [position for _, position in sorted(account.positions.items())],
        [leverage for _, leverage in sorted(account.leverages.items())],
        account.addresses,
        list(account.payments),
        list(account.settlements),
    )


def account_of(image: AccountImage) -> Account:
    """The account that `image` shows."""
    account = Account(image.account_id)
    account.name, account.house, account.parent, account.tier = image.name, image.house, image.parent, image.tier
    account.balances = image.balances
    account.orders = {order.order_id: order for order in image.orders}
    account.closed = {order.order_id: order for order in image.closed}
    account.fills = deque(image.fills, FILLS_KEPT)
    account.keys = image.keys
    account.positions = {position.instrument: position for position in image.positions}
    account.leverages = {leverage.instrument: leverage for leverage in image.leverages}
    account.addresses = image.addresses
    account.payments.extend(image.payments)
    account.settlements.extend(image.settlements)
    return account
