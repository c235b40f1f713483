"""The calls that read the caller's balances and fees (OpenAPI file; `balance` is older than it)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from polyfeed.accounts.account import Account
from polyfeed.dialects.bitstamp.markets import Listed, Markets
from polyfeed.dialects.bitstamp.rest_form import CallRefused
from polyfeed.market.market import Market
from polyfeed.model.numbers import format_scaled


class AccountCalls:
    """Answers from the accounts as they are."""

    def __init__(self, market: Market, markets: Markets) -> None:
        self._market = market
        self._markets = markets

    def balances(self, account: Account, currency: str = "") -> Any:
        """account_balances: of all currencies, or one."""
        rows = [self._balance(account, code) for code in self._codes(account) if currency in ("", code.lower())]
        if not currency:
            return rows
        if not rows:
            raise CallRefused("404.006", "Currency not found for corresponding request.", 404)
        return rows[0]

    def balance(self, account: Account, only: Listed | None) -> dict[str, Any]:
        """balance, the older shape: three keys a currency, and a fee for each market, in percent."""
        found: dict[str, Any] = {}
        codes = (only.instrument.base, only.instrument.quote) if only is not None else self._codes(account)
        for code in codes:
            row, name = self._balance(account, code), code.lower()
            found |= {f"{name}_available": row["available"], f"{name}_balance": row["total"]}
            found[f"{name}_reserved"] = row["reserved"]
        if only is not None:
            return found | {"fee": _percent(only.instrument.taker_fee_ppm)}
        return found | {f"{one.symbol}_fee": _percent(one.instrument.taker_fee_ppm) for one in self._markets}

    def trading_fees(self, only: Listed | None) -> Any:
        """fees/trading: of all markets, or one."""
        rows = [_fees(listed) for listed in (self._markets if only is None else (only,))]
        return rows if only is None else rows[0]

    def withdrawal_fees(self) -> list[dict[str, Any]]:
        """fees/withdrawal: nothing can be withdrawn here, at no cost."""
        return [
            {"currency": code.lower(), "fee": format_scaled(0, one.scale), "network": code.lower()}
            for code, one in sorted(self._market.currencies.items())
        ]

    def my_markets(self) -> list[dict[str, Any]]:
        """All markets: every account may trade on each."""
        return [{"name": listed.name, "url_symbol": listed.symbol} for listed in self._markets]

    # --- rows -------------------------------------------------------------------------------------------------------

    def _codes(self, account: Account) -> Iterable[str]:
        return sorted({*self._market.currencies, *account.balances})

    def _balance(self, account: Account, code: str) -> dict[str, str]:
        currency, balance = self._market.currencies.get(code), account.balances.get(code)
        scale = currency.scale if currency is not None else 0
        total, held = (balance.total, balance.held) if balance is not None else (0, 0)
        texts = [format_scaled(value, scale) for value in (total, total - held, held)]
        return {"currency": code.lower(), "total": texts[0], "available": texts[1], "reserved": texts[2]}


def _fees(listed: Listed) -> dict[str, Any]:
    fees = {"maker": _percent(listed.instrument.maker_fee_ppm), "taker": _percent(listed.instrument.taker_fee_ppm)}
    return {"currency_pair": listed.symbol, "market": listed.symbol, "fees": fees}


def _percent(ppm: int) -> str:
    """A fee in percent: 1600 -> 0.16000."""
    return f"{format_scaled(ppm, 4)}0"
