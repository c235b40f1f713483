"""Perpetuals as values, and back: contracts and positions. Sums that may be wider than 64 bits are text."""

from __future__ import annotations

from msgspec import Struct

from polyfeed.model.enums import MarginAlertKind, MarginMode
from polyfeed.venue.accounts import Account
from polyfeed.venue.markets import Market
from polyfeed.venue.orders import Order
from polyfeed.venue.perpetuals.contracts import Contract
from polyfeed.venue.perpetuals.positions import Position
from polyfeed.venue.state import State


class ContractImage(Struct, frozen=True, array_like=True):
    """What a market of a perpetual knows besides its book. `positions` and `ordering` are accounts, in their order."""

    index: int
    mark: int
    priced_ts: int
    premium: str
    premium_ppm: int
    premium_sum: str
    funding_since: int
    rate_ppm: int | None
    next_funding_ts: int
    open_interest: int
    told_interest: int
    deleveraging: bool
    positions: list[int]
    ordering: list[int]


class PositionImage(Struct, frozen=True, array_like=True):
    """One position of an account. `orders` are numbers, in the order in which they were entered."""

    instrument: int
    leverage: int
    mode: MarginMode
    id: int
    size: int
    basis: int
    margin: int
    fees: int
    funding: int
    funding_total: int
    realised: int
    realised_total: int
    opened_ts: int
    rank: int
    alert: MarginAlertKind | None
    liquidating: bool
    orders: list[int]


def contract_image(contract: Contract) -> ContractImage:
    """A contract as a value."""
    return ContractImage(
        contract.index,
        contract.mark,
        contract.priced_ts,
        str(contract.premium),
        contract.premium_ppm,
        str(contract.premium_sum),
        contract.funding_since,
        contract.rate_ppm,
        contract.next_funding_ts,
        contract.open_interest,
        contract.told_interest,
        contract.deleveraging,
        list(contract.positions),
        list(contract.ordering),
    )


def restore_contract(image: ContractImage, contract: Contract) -> None:
    """Makes a new contract what `image` shows, without its positions."""
    contract.index, contract.mark, contract.priced_ts = image.index, image.mark, image.priced_ts
    contract.premium, contract.premium_ppm = int(image.premium), image.premium_ppm
    contract.premium_sum, contract.funding_since = int(image.premium_sum), image.funding_since
    contract.rate_ppm, contract.next_funding_ts = image.rate_ppm, image.next_funding_ts
    contract.open_interest, contract.told_interest = image.open_interest, image.told_interest
    contract.deleveraging = image.deleveraging


def restore_lists(image: ContractImage, market: Market, state: State) -> None:
    """Gives the contract of a market its positions, when all accounts have theirs."""
    assert market.contract is not None
    for number in image.positions:
        market.contract.positions[number] = state.accounts[number].positions[market.id]
    for number in image.ordering:
        market.contract.ordering[number] = state.accounts[number].positions[market.id]


def position_image(position: Position) -> PositionImage:
    """A position as a value."""
    return PositionImage(
        position.market.id,
        position.leverage,
        position.mode,
        position.id,
        position.size,
        position.basis,
        position.margin,
        position.fees,
        position.funding,
        position.funding_total,
        position.realised,
        position.realised_total,
        position.opened_ts,
        position.rank,
        position.alert,
        position.liquidating,
        list(position.orders),
    )


def restore_position(image: PositionImage, account: Account, market: Market, orders: dict[int, Order]) -> Position:
    """The position that `image` shows."""
    assert market.contract is not None
    position = Position(account, market, market.contract)
    position.leverage, position.mode, position.id = image.leverage, image.mode, image.id
    position.size, position.basis, position.margin = image.size, image.basis, image.margin
    position.fees, position.funding, position.funding_total = image.fees, image.funding, image.funding_total
    position.realised, position.realised_total = image.realised, image.realised_total
    position.opened_ts, position.rank = image.opened_ts, image.rank
    position.alert, position.liquidating = image.alert, image.liquidating
    position.orders = {number: orders[number] for number in image.orders}
    return position
