"""Events of perpetuals in plain words, for transcripts. What is said of an event is all of it that a scene is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polyfeed.model.enums import ExecutionKind, MarginMode, Side
from polyfeed.model.events import (
    BalanceSet,
    DeleveragingStateSet,
    Event,
    FundingPaid,
    FundingRateSet,
    FundingSettled,
    InsuranceFundSet,
    InsurancePremiumPaid,
    LeverageSet,
    MarginAlert,
    MarkPriceSet,
    OrderClosed,
    OwnFill,
    OwnOrderOpened,
    OwnOrderUpdated,
    OwnTriggered,
    PositionLiquidated,
    PositionSet,
    PositionSettled,
    Trade,
)

Numbered = Callable[[int], int]


def said(event: Event, number: Numbered) -> str | None:
    """An event in words, None for one that no scene is about. `number` gives an order's place by its id."""
    speak = _WORDS.get(type(event))
    return None if speak is None else speak(event, number)


def word(member: Any) -> str:
    """A member of an enum as text."""
    return str(member.name).lower().replace("_", " ")


def _by(execution: ExecutionKind) -> str:
    return "" if execution is ExecutionKind.TRADE else f", {word(execution)}"


def _trade(event: Trade, number: Numbered) -> str:
    return f"trade of {event.size} at {event.price}{_by(event.execution)}"


def _closed(event: OrderClosed, number: Numbered) -> str:
    return f"order {number(event.order_id)} ends with {event.left} left: {word(event.reason)}"


def _mark(event: MarkPriceSet, number: Numbered) -> str:
    return f"mark {event.price}"


def _rate(event: FundingRateSet, number: Numbered) -> str:
    return f"funding rate {event.rate_ppm} ppm"


def _funding(event: FundingSettled, number: Numbered) -> str:
    return f"funding at {event.rate_ppm} ppm of the mark {event.mark_price}"


def _liquidated(event: PositionLiquidated, number: Numbered) -> str:
    return f"liquidation: {word(event.side)} {event.size}, bankruptcy price {event.bust_price}"


def _fund(event: InsuranceFundSet, number: Numbered) -> str:
    return f"insurance fund {event.balance}"


def _deleveraging(event: DeleveragingStateSet, number: Numbered) -> str:
    return f"deleveraging begins: {event.reason}" if event.active else "deleveraging ends"


def _opened(event: OwnOrderOpened, number: Numbered) -> str:
    price = f" at {event.price}" if event.price else ""
    kind = "reduce only" if event.reduce_only else ""
    kind = "close on trigger" if event.close_on_trigger else kind
    stop = f", when {event.trigger_price} trades" if event.trigger_price else ""
    flag = ", liquidation" if event.liquidation else ""
    made = f", made for {word(event.execution)}" if event.execution is not ExecutionKind.TRADE else ""
    only = f", {kind}" if kind else ""
    return f"order {number(event.order_id)}: {word(event.side)} {event.size}{price}{only}{stop}{made}{flag}"


def _updated(event: OwnOrderUpdated, number: Numbered) -> str:
    reason = f", {word(event.reason)}" if event.reason else ""
    return f"order {number(event.order_id)} {word(event.status)}, {event.filled} filled, {event.left} left{reason}"


def _triggered(event: OwnTriggered, number: Numbered) -> str:
    return f"order {number(event.order_id)} triggered" if event.active else f"order {number(event.order_id)} waits"


def _fill(event: OwnFill, number: Numbered) -> str:
    did = "bought" if event.side is Side.BUY else "sold"
    closed = f", {event.closed_size} closed, {event.realised_profit} realised" if event.closed_size else ""
    fee = f", fee {event.fee}" if event.fee else ""
    return (
        f"execution of {number(event.order_id)}: {did} {event.size} at {event.price}{fee}{closed}{_by(event.execution)}"
    )


def _position(event: PositionSet, number: Numbered) -> str:
    if not event.size:
        return f"position closed, realised {event.realised_profit}, funding {event.funding}"
    isolated = f", isolated with {event.margin}" if event.mode is MarginMode.ISOLATED else ""
    taken = ", being liquidated" if event.liquidating else ""
    return (
        f"position {event.size} at {event.entry_price}, profit {event.unrealised_profit}{isolated}, "
        f"margins {event.initial_margin} and {event.maintenance_margin}, "
        f"liquidation {event.liquidation_price}, bankruptcy {event.bankruptcy_price}, "
        f"funding {event.funding}, rank {event.deleveraging_rank}{taken}"
    )


def _balance(event: BalanceSet, number: Numbered) -> str:
    parts = event.parts or ((event.cause, event.change),)
    what = ", ".join(f"{word(cause)} {amount:+}" if amount else word(cause) for cause, amount in parts)
    return f"balance {event.total}, {event.held} held: {what}"


def _paid(event: FundingPaid, number: Numbered) -> str:
    return f"funding {event.amount:+} for {event.size} at {event.rate_ppm} ppm of {event.mark_price}"


def _settled(event: PositionSettled, number: Numbered) -> str:
    parts = {
        "price": event.from_price,
        "trading fees": event.from_trading_fees,
        "funding": event.from_funding,
        "liquidation fee": event.from_liquidation_fees,
        "socialised loss": event.from_socialised_loss,
    }
    made = " = " + ", ".join(f"{name} {amount:+}" for name, amount in parts.items() if amount) if event.amount else ""
    closed = f" of {event.closed_size}, {event.entry_value} to {event.exit_value}" if event.closed_size else ""
    return f"settlement{closed}: {event.amount:+}{made}{', position closed' if event.closed else ''}"


def _alert(event: MarginAlert, number: Numbered) -> str:
    return (
        f"alert {word(event.kind)}: {event.initial_ratio_ppm} ppm of the initial margin, "
        f"{event.maintenance_ratio_ppm} ppm of the maintenance margin"
    )


def _premium(event: InsurancePremiumPaid, number: Numbered) -> str:
    return f"premium {event.amount} to the insurance fund"


def _leverage(event: LeverageSet, number: Numbered) -> str:
    return f"leverage {event.leverage}, {word(event.mode)}"


_WORDS: dict[type[Event], Callable[[Any, Numbered], str]] = {
    Trade: _trade,
    OrderClosed: _closed,
    MarkPriceSet: _mark,
    FundingRateSet: _rate,
    FundingSettled: _funding,
    PositionLiquidated: _liquidated,
    InsuranceFundSet: _fund,
    DeleveragingStateSet: _deleveraging,
    OwnOrderOpened: _opened,
    OwnOrderUpdated: _updated,
    OwnTriggered: _triggered,
    OwnFill: _fill,
    PositionSet: _position,
    BalanceSet: _balance,
    FundingPaid: _paid,
    PositionSettled: _settled,
    MarginAlert: _alert,
    InsurancePremiumPaid: _premium,
    LeverageSet: _leverage,
}
