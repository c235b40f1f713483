"""Bodies of `balances` and `positions` (spec/rails.md 10)."""

from __future__ import annotations

from collections.abc import Mapping

from polyfeed.accounts.account import Account
from polyfeed.dialects.rails.markets import Listing, Market
from polyfeed.dialects.rails.rest_bodies import Body
from polyfeed.dialects.rails.wire import decimal
from polyfeed.model.events import PositionSet
from polyfeed.model.instruments import Currency


def balances(currencies: Mapping[str, Currency], account: Account) -> Body:
    """What the account has of each currency (the shape is ours)."""
    known = [(currencies[code], balance) for code, balance in sorted(account.balances.items()) if code in currencies]
    return {
        "balances": [
            {
                "asset": currency.code,
                "balance": decimal(balance.total, currency.scale),
                "available": decimal(balance.available, currency.scale),
                "held": decimal(balance.held, currency.scale),
            }
            for currency, balance in known
        ]
    }


def positions(listing: Listing, account: Account) -> Body:
    """The account's positions in perpetuals (found: the items)."""
    listed = ((listing.by_id(one.instrument), one) for _, one in sorted(account.positions.items()))
    return {"positions": [_position(market, one) for market, one in listed if market is not None]}


def _position(market: Market, position: PositionSet) -> Body:
    size = abs(position.size)
    return {
        "market": market.name,
        "value": market.amount(size * position.mark_price // market.divisor),
        "quantity": market.size(size),
        "funding": market.amount(position.funding),
        "realizedPnl": market.amount(position.realised_profit),
        "unrealizedPnl": market.amount(position.unrealised_profit),
        "liquidationPrice": market.price(position.liquidation_price),
        "type": "LONG" if position.size > 0 else "SHORT",
    }
