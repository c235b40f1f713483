"""What a refused order is answered with: the exchange's words and codes for each of the venue's reasons."""

from __future__ import annotations

from collections.abc import Mapping

from polyfeed.accounts.account import Account
from polyfeed.dialects._base.dialect import BEHIND_RETRY_SECONDS
from polyfeed.dialects.bitstamp import wire
from polyfeed.dialects.bitstamp.markets import Listed
from polyfeed.dialects.bitstamp.rest_form import DECIMALS, CallRefused, about, overall
from polyfeed.market.market import Market
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import Refusal, Side
from polyfeed.model.formulas import cost_divisor
from polyfeed.model.numbers import format_scaled

NOT_PLACED = "Order could not be placed."


def failed(text: str, headers: Mapping[str, str] = {}) -> CallRefused:
    """The answer where the venue cannot do its part (the code's own text: an internal service failed)."""
    return CallRefused("500.002", {"__all__": [text]}, 503, headers)


UNAVAILABLE = failed("Orders cannot be recorded now. Please try again.")
"""The answer to any command while the venue takes none."""

AWAY = failed("The exchange cannot be reached now. Please try again.", {"Retry-After": str(BEHIND_RETRY_SECONDS)})
"""The answer to any call while what is known may be old."""

UNCERTAIN = failed("The outcome is not known. Please check your orders.")
"""The answer to a command whose outcome was missed."""

TEMPORARY = {
    Refusal.STORE_UNAVAILABLE: UNAVAILABLE,
    Refusal.VENUE_AWAY: AWAY,
    Refusal.OUTCOME_UNKNOWN: UNCERTAIN,
}
"""What is no fault of the command, whatever it is."""

_OVERALL = {
    Refusal.MARKET_CLOSED: (NOT_PLACED, "400.003"),
    Refusal.INVALID_AMOUNT: ("Provided order amount is too low.", "400.046"),
    Refusal.INVALID_TERMS: (NOT_PLACED, "400.007"),
    Refusal.SIZE_BELOW_FILLED: ("Provided order amount is too low.", "400.046"),
}


def refused_entry(
    market: Market, account: Account, listed: Listed, command: PlaceOrder, outcome: Outcome
) -> CallRefused:
    """The answer to a refused order."""
    instrument = listed.instrument
    match outcome.refusal:
        case Refusal.INSUFFICIENT_FUNDS:
            return overall(_short_of_money(market, account, listed, command), "400.009")
        case Refusal.COST_TOO_SMALL:
            least = wire.short(instrument.min_cost, _scale(market, instrument.quote))
            return overall(f"Minimum order size is {least} {instrument.quote}.", "400.020")
        case Refusal.SIZE_TOO_SMALL:
            least = listed.amount(instrument.min_size)
            return overall(f"Minimum order size is {least} {instrument.base}.", "400.046")
        case Refusal.INVALID_PRICE:
            return about("price", _grid(command.price, listed.counter_decimals), "400.041")
        case Refusal.INVALID_SIZE:
            return about("amount", _grid(command.size, listed.base_decimals), "400.026")
        case Refusal() as refusal:
            text, code = _OVERALL.get(refusal, (NOT_PLACED, "500.017"))
            return overall(text, code)
    return overall(NOT_PLACED, "500.003")


def _grid(value: int, decimals: int) -> str:
    if not value:
        return "Ensure this value is greater than or equal to 1E-8."
    return DECIMALS.format(decimals)


def _short_of_money(market: Market, account: Account, listed: Listed, command: PlaceOrder) -> str:
    """Bitstamp's texts for a buyer and for a seller."""
    instrument = listed.instrument
    currency = instrument.quote if command.side is Side.BUY else instrument.base
    balance, scale = account.balances.get(currency), _scale(market, currency)
    has = format_scaled(balance.available if balance is not None else 0, scale)
    if command.side is Side.SELL:
        return f"You have only {has} {currency} available. Check your account balance for details."
    need = command.amount or command.price * command.size // cost_divisor(instrument, scale)
    return (
        f"You need {format_scaled(need, scale)} {currency} to open that order. You have only {has} {currency} "
        "available. Check your account balance for details."
    )


def _scale(market: Market, code: str) -> int:
    currency = market.currencies.get(code)
    return currency.scale if currency is not None else 0
