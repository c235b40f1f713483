"""`account_balance`: what an account has (spec/ekiden.md 6).

Ekiden counts an account in one settlement currency. Ours also hold others, for spot markets: an array of balances has
the settlement currency first, then the others, each with its `coin`, a key that the real API has not. Margin
and profit are of the positions that a currency settles.
"""

from __future__ import annotations

from collections.abc import Iterable

from polyfeed.accounts.account import Account, Balance
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.ids import account_address
from polyfeed.dialects.ekiden.public_objects import Object
from polyfeed.dialects.ekiden.wire import decimal
from polyfeed.market.market import Market

_NOTHING = Balance(0, 0)


def balances(desk: Desk, account: Account, currencies: Iterable[str]) -> list[Object]:
    """The settlement currency's balance, then those of the other `currencies` in the order of their codes."""
    others = sorted(set(currencies) - {desk.settlement})
    return [_balance(desk, account, code) for code in (desk.settlement, *others)]


def _balance(desk: Desk, account: Account, code: str) -> Object:
    market = desk.context.market
    known = market.currencies.get(code)
    scale = known.scale if known else 0
    balance = account.balances.get(code, _NOTHING)
    held = [one for number, one in account.positions.items() if _quote(market, number) == code]
    numbers = desk.projection.positions(account.account_id).items()
    realised = sum(one.realised for number, one in numbers if _quote(market, number) == code)
    unrealised = sum(one.unrealised_profit for one in held)

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
        "total_order_im": money(balance.held - balance.margin + balance.order_margin),
        "total_position_im": money(sum(one.initial_margin for one in held)),
        "total_position_mm": money(sum(one.maintenance_margin for one in held)),
        "unrealised_pnl": money(unrealised),
        "unrealized_funding": "0",
        "realised_pnl_cum": money(realised),
    }


def _quote(market: Market, instrument: int) -> str:
    return market.instruments[instrument].instrument.quote
