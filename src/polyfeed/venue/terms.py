"""Which terms of an order can stand together. Every check raises Refused and changes nothing."""

from __future__ import annotations

from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import OrderKind, Refusal, TimeInForce, Trigger
from polyfeed.venue.checks import check_price, check_size
from polyfeed.venue.expiry import TIMED, check_expiry
from polyfeed.venue.markets import Market
from polyfeed.venue.quote_sized import SIDES, check_amount
from polyfeed.venue.refused import Refused
from polyfeed.venue.triggers import BPS, TRAILING

LIMIT = OrderKind.LIMIT
GTC = TimeInForce.GTC
UNTRIGGERED = Trigger.NONE
IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)


def check_terms(market: Market, command: PlaceOrder, house: bool, now: int) -> None:
    """Whether an order's terms can stand together, on this market's grid. `now` is venue microseconds."""
    if command.kind is LIMIT:
        check_limit(market, command)
    else:
        check_unpriced(market, command)
    if command.tif is not GTC or command.expire_ts:
        check_expiry(command, now)
    if command.trigger is not UNTRIGGERED or command.trigger_price or command.activation_price or command.trailing_bps:
        check_trigger(market, command)
    if market.contract is not None:
        check_perpetual(market, command)
    elif command.reduce_only or command.close_on_trigger:
        raise Refused(
            Refusal.INVALID_TERMS,
            f"{market.name}: reduce-only has no meaning on a spot market, which has no positions; leave it out",
        )
    if command.kind in SIDES:
        check_amount(market, command)
    elif command.amount:
        raise Refused(
            Refusal.INVALID_TERMS,
            f"a {command.kind.name} order is sized by its size, not by an amount; use INSTANT or CASH_SELL for one",
        )
    else:
        check_size(market, command.size, house)


def check_perpetual(market: Market, command: PlaceOrder) -> None:
    """What orders of perpetuals are asked besides."""
    if command.kind in SIDES:
        raise Refused(
            Refusal.INVALID_TERMS,
            f"{market.name}: positions are sized by their size, {command.kind.name} is for spot; use LIMIT or MARKET",
        )


def check_limit(market: Market, command: PlaceOrder) -> None:
    """What only limit orders are asked."""
    if command.post_only and command.tif in IMMEDIATE:
        raise Refused(
            Refusal.INVALID_TERMS,
            f"a post-only order waits in the book, {command.tif.name} never does; drop one of the two",
        )
    check_price(market, command.price)


def check_unpriced(market: Market, command: PlaceOrder) -> None:
    """What all others are asked, which trade at once or never and may have a worst price."""
    name = command.kind.name
    if command.post_only:
        raise Refused(Refusal.INVALID_TERMS, f"a {name} order cannot be post-only; drop that or use LIMIT")
    if command.tif in TIMED and command.trigger is UNTRIGGERED:
        raise Refused(
            Refusal.INVALID_TERMS,
            f"a {name} order trades at once and cannot end later ({command.tif.name}); use IOC, LIMIT or a trigger",
        )
    if command.price:
        check_price(market, command.price)


def check_trigger(market: Market, command: PlaceOrder) -> None:
    """Whether a trigger has what it needs, and nothing that another kind would need."""
    trigger, name = command.trigger, command.trigger.name
    if trigger is UNTRIGGERED:
        raise Refused(
            Refusal.INVALID_TERMS,
            "trigger price, activation price and trailing distance need a trigger that uses them; send none of these",
        )
    if trigger not in TRAILING:
        if command.activation_price or command.trailing_bps:
            raise Refused(
                Refusal.INVALID_TERMS,
                f"a {name} order waits for its trigger price alone; drop the activation price and the trailing "
                "distance, or use a trailing trigger",
            )
        check_price(market, command.trigger_price)
        return
    if command.trigger_price:
        raise Refused(
            Refusal.INVALID_TERMS, f"a {name} order makes its own trigger price; send an activation price instead"
        )
    if not 0 < command.trailing_bps < BPS:
        raise Refused(
            Refusal.INVALID_TERMS,
            f"a trailing distance of {command.trailing_bps} is not between 1 and {BPS - 1} hundredths of a percent",
        )
    if command.activation_price:
        check_price(market, command.activation_price)
