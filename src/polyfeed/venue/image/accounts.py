"""Accounts as values, and back, with their money and their positions."""

from __future__ import annotations

from msgspec import Struct

from polyfeed.model.enums import BalanceCause
from polyfeed.venue.accounts import Account, Balance
from polyfeed.venue.image.perpetuals import PositionImage, position_image, restore_position
from polyfeed.venue.orders import Order
from polyfeed.venue.state import State


class BalanceImage(Struct, frozen=True, array_like=True, gc=False):
    """One balance."""

    currency: str
    total: int
    held: int
    margin: int
    order_margin: int
    parts: list[tuple[BalanceCause, int]]
    told_total: int
    told_held: int
    told_margins: tuple[int, int]


class AccountImage(Struct, frozen=True, array_like=True):
    """An account. Balances are by currency; `orders` (numbers) and `positions` are in the order of their entry."""

    id: int
    house: bool
    maker_fee_ppm: int | None
    taker_fee_ppm: int | None
    parent: int
    balances: list[BalanceImage]
    orders: list[int]
    positions: list[PositionImage]


def account_image(account: Account) -> AccountImage:
    """An account as a value."""
    return AccountImage(
        account.id,
        account.house,
        account.maker_fee_ppm,
        account.taker_fee_ppm,
        account.parent,
        [balance_image(balance) for _, balance in sorted(account.balances.items())],
        list(account.orders),
        [position_image(position) for position in account.positions.values()],
    )


def balance_image(balance: Balance) -> BalanceImage:
    """A balance as a value."""
    return BalanceImage(
        balance.currency,
        balance.total,
        balance.held,
        balance.margin,
        balance.order_margin,
        sorted(balance.parts.items()),
        balance.told_total,
        balance.told_held,
        balance.told_margins,
    )


def restore_account(image: AccountImage) -> Account:
    """The account that `image` shows, without orders and positions."""
    account = Account(image.id, image.house, image.maker_fee_ppm, image.taker_fee_ppm, image.parent)
    for shown in image.balances:
        balance = account.balance(shown.currency)
        balance.total, balance.held, balance.margin = shown.total, shown.held, shown.margin
        balance.order_margin, balance.parts = shown.order_margin, dict(shown.parts)
        balance.told_total, balance.told_held = shown.told_total, shown.told_held
        balance.told_margins = shown.told_margins
    return account


def restore_orders(image: AccountImage, state: State, orders: dict[int, Order]) -> None:
    """Gives the account of `image` its orders and positions, when all `orders` are there."""
    account = state.accounts[image.id]
    for number in image.orders:
        state.remember(orders[number])
    for shown in image.positions:
        position = restore_position(shown, account, state.markets[shown.instrument], orders)
        account.positions[shown.instrument] = position
