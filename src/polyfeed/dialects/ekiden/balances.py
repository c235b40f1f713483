"""`account_balance`: what an account has (spec/ekiden.md 6).

Ekiden counts an account in one settlement currency. Ours also hold others, for spot markets: an array of balances has
the settlement currency first, then the others, each with its `coin`, a key that the real API has not. Only the first
has margin and profit.
"""

from __future__ import annotations

from collections.abc import Iterable

from polyfeed.accounts.account import Account, Balance
from polyfeed.dialects.ekiden.ids import account_address
from polyfeed.dialects.ekiden.public_objects import Object
from polyfeed.dialects.ekiden.wire import decimal
from polyfeed.market.market import Market
from polyfeed.model.events import PositionSet

_NOTHING = Balance(0, 0)


def balances(market: Market, account: Account, settlement: str, currencies: Iterable[str]) -> list[Object]:
    """The settlement currency's balance, then those of the other `currencies` in the order of their codes."""
    others = sorted(set(currencies) - {settlement})
    first = _balance(market, account, settlement, _secured(market, account, settlement))
    return [first, *(_balance(market, account, code, []) for code in others)]


def _secured(market: Market, account: Account, currency: str) -> list[PositionSet]:
    """The positions that a currency secures."""
    return [
        held for number, held in account.positions.items() if market.instruments[number].instrument.quote == currency
    ]


def _balance(market: Market, account: Account, code: str, positions: list[PositionSet]) -> Object:
    known = market.currencies.get(code)
    scale = known.scale if known else 0
    balance = account.balances.get(code, _NOTHING)
    unrealised = sum(held.unrealised_profit for held in positions)
    initial = sum(held.initial_margin for held in positions)

    def money(amount: int) -> str:
        return decimal(amount, scale)

    return {
        "sub_account_address": account_address(account.account_id),
        "account_type": "Unified",
        "coin": code,
        "equity": money(balance.total + unrealised),
        "vault_balance": money(balance.total),
        "margin_balance": money(balance.total + unrealised),
        "available_balance": money(balance.available),
        "accrued_interest": "0",
        "total_order_im": money(max(0, balance.held - initial)),
        "total_position_im": money(initial),
        "total_position_mm": money(sum(held.maintenance_margin for held in positions)),
        "unrealised_pnl": money(unrealised),
        "unrealized_funding": "0",
        "realised_pnl_cum": money(sum(held.realised_profit_total for held in positions)),
    }
