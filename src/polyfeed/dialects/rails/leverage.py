"""`updateLeverage` as a command (spec/rails.md 7): for all perpetuals, or for one where the request names it.

Rails has no margin modes; what the account chose by another way stays as it is.
"""

from __future__ import annotations

from polyfeed.accounts.account import EVERY_PERPETUAL, Account
from polyfeed.dialects.rails import requests, spec
from polyfeed.dialects.rails.markets import Listing, Market
from polyfeed.dialects.rails.requests import Content, Refused
from polyfeed.model.commands import SetLeverage


def read_update(account: Account, listing: Listing, market: Market | None, most: int, content: Content) -> SetLeverage:
    """The leverage that a request asks for, at most `most`. Raises Refused at the first thing that is wrong with it."""
    if market is not None and market.terms is None:
        raise Refused(spec.BAD, spec.NO_LEVERAGE.format(name=market.name))
    markets = [one for one in listing if one.terms is not None and market in (None, one)]
    if not markets:
        raise Refused(spec.BAD, spec.NO_PERPETUALS)
    leverage = requests.read_leverage(content, min(most, *(_highest(one) for one in markets)))
    modes = {account.leverage_in(one.state.instrument).mode for one in markets}
    if len(modes) > 1:
        raise Refused(spec.BAD, spec.MIXED_MODES)
    return SetLeverage(account.account_id, EVERY_PERPETUAL if market is None else market.id, leverage, modes.pop())


def check_leverage(account: Account, market: Market, content: Content) -> None:
    """An order's `leverage`, which may be left out, is the account's. Raises Refused for another one."""
    held = account.leverage_in(market.state.instrument).leverage
    if content.get("leverage") is not None and not requests.is_whole(content["leverage"], held):
        raise Refused(spec.BAD, spec.OTHER_LEVERAGE.format(leverage=held))


def _highest(market: Market) -> int:
    return market.terms.max_leverage if market.terms is not None else 1
