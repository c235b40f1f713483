"""The queue of unfinished work as values, and back."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from polyfeed.model.enums import CloseReason
from polyfeed.venue.items import Activation, Sweep, Withdrawal, Work
from polyfeed.venue.orders import Order
from polyfeed.venue.perpetuals.items import Liquidation, Payment, Revaluation, Stage, Trim, Unwinding
from polyfeed.venue.perpetuals.positions import Position
from polyfeed.venue.state import State

Place = tuple[int, int]
"""Where a position is: its account and its instrument."""


class SweepImage(Struct, frozen=True, array_like=True, tag=1):
    """`Sweep`."""

    taker: int


class WithdrawalImage(Struct, frozen=True, array_like=True, tag=2):
    """`Withdrawal`."""

    orders: list[int]
    reason: CloseReason


class ActivationImage(Struct, frozen=True, array_like=True, tag=3):
    """`Activation`."""

    order: int


class PaymentImage(Struct, frozen=True, array_like=True, tag=4):
    """`Payment`."""

    instrument: int
    rate_ppm: int
    positions: list[Place]


class RevaluationImage(Struct, frozen=True, array_like=True, tag=5):
    """`Revaluation`."""

    positions: list[Place]


class TrimImage(Struct, frozen=True, array_like=True, tag=6):
    """`Trim`."""

    position: Place


class UnwindingImage(Struct, frozen=True, array_like=True, tag=7):
    """`Unwinding`."""

    position: Place
    offered: bool


class LiquidationImage(Struct, frozen=True, array_like=True, tag=8):
    """`Liquidation`. Payers are in the order in which they were added."""

    position: Place
    target: Place
    stage: Stage
    queue: list[Place]
    payers: list[Place]
    debts: list[tuple[Place, int]]
    offered_value: int


WorkImage = (
    SweepImage
    | WithdrawalImage
    | ActivationImage
    | PaymentImage
    | RevaluationImage
    | TrimImage
    | UnwindingImage
    | LiquidationImage
)


def orders_of(item: Work) -> Iterable[Order]:
    """The orders that an item is about."""
    match item:
        case Sweep():
            return (item.taker,)
        case Withdrawal():
            return item.orders
        case Activation():
            return (item.order,)
    return ()


def work_image(item: Work) -> WorkImage:
    """An item as a value."""
    match item:
        case Sweep():
            return SweepImage(item.taker.id)
        case Withdrawal():
            return WithdrawalImage([order.id for order in item.orders], item.reason)
        case Activation():
            return ActivationImage(item.order.id)
        case Payment():
            return PaymentImage(item.market.id, item.rate_ppm, [place(one) for one in item.positions])
        case Revaluation():
            return RevaluationImage([place(one) for one in item.positions])
        case Trim():
            return TrimImage(place(item.position))
        case Unwinding():
            return UnwindingImage(place(item.position), item.offered)
    return LiquidationImage(
        place(item.position),
        place(item.target),
        item.stage,
        [place(one) for one in item.queue],
        [place(one) for one in item.payers.values()],
        [(place(payer), part) for payer, part in item.debts],
        item.offered_value,
    )


def place(position: Position) -> Place:
    """Where a position is."""
    return position.account.id, position.market.id


def restore_work(image: WorkImage, state: State, orders: dict[int, Order]) -> Work:
    """The item that `image` shows."""

    def at(place: Place) -> Position:
        account, instrument = place
        return state.accounts[account].positions[instrument]

    match image:
        case SweepImage():
            return Sweep(orders[image.taker])
        case WithdrawalImage():
            return Withdrawal([orders[number] for number in image.orders], image.reason)
        case ActivationImage():
            return Activation(orders[image.order])
        case PaymentImage():
            return Payment(state.markets[image.instrument], image.rate_ppm, list(map(at, image.positions)))
        case RevaluationImage():
            return Revaluation(list(map(at, image.positions)))
        case TrimImage():
            return Trim(at(image.position))
        case UnwindingImage():
            unwinding = Unwinding(at(image.position))
            unwinding.offered = image.offered
            return unwinding
    liquidation = Liquidation(at(image.position))
    liquidation.target, liquidation.stage = at(image.target), image.stage
    liquidation.queue = list(map(at, image.queue))
    liquidation.payers = {account: at((account, instrument)) for account, instrument in image.payers}
    liquidation.debts = [(at(payer), part) for payer, part in image.debts]
    liquidation.offered_value = image.offered_value
    return liquidation
