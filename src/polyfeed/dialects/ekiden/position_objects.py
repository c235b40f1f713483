"""A perpetual's position and its funding, as the private channels and calls have them (spec/ekiden.md 6)."""

from __future__ import annotations

from polyfeed.accounts.account import Account
from polyfeed.dialects.ekiden import private_words as words
from polyfeed.dialects.ekiden.ids import account_address, funding_uuid, order_uuid
from polyfeed.dialects.ekiden.private_objects import quote_scale
from polyfeed.dialects.ekiden.public_objects import RATE_DECIMALS, Object
from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.dialects.ekiden.wire import decimal, milliseconds
from polyfeed.market.market import Market
from polyfeed.model.events import FundingPaid, PositionSet

_RISK_ID = 1


def funding(listing: Listing, market: Market, account: Account, paid: FundingPaid, ts: int) -> Object:
    """A funding payment as an execution: `fee_rate` is the funding rate, `exec_value` what was paid (< 0) or
    received."""
    size = listing.size(abs(paid.size))
    return {
        "exec_id": funding_uuid(ts, paid.instrument, account.account_id),
        "symbol": listing.symbol,
        "order_id": order_uuid(0),
        "order_link_id": None,
        "side": "Buy" if paid.size > 0 else "Sell",
        "sub_account_address": account_address(account.account_id),
        "order_price": "0",
        "order_qty": "0",
        "leaves_qty": "0",
        "create_type": None,
        "order_type": "Market",
        "stop_order_type": None,
        "exec_price": listing.price(listing.mark),
        "exec_qty": size,
        "exec_value": decimal(paid.amount, quote_scale(listing, market)),
        "exec_type": words.FUNDING,
        "exec_time": milliseconds(ts),
        "is_maker": False,
        "fee_rate": decimal(paid.rate_ppm, RATE_DECIMALS),
        "mark_price": listing.price(listing.mark),
        "index_price": listing.price(listing.index),
        "closed_size": None,
        "seq": ts,
    }


def position(listing: Listing, market: Market, account: Account, held: PositionSet, changed: tuple[int, int]) -> Object:
    """A position; `changed` says how often it has changed and when it last did. A closed one has side Buy."""
    price, quote = listing.price, quote_scale(listing, market)
    size = abs(held.size)

    def money(amount: int) -> str:
        return decimal(amount, quote)

    return {
        "risk_id": _RISK_ID,
        "risk_limit_value": "0",
        "symbol": listing.symbol,
        "sub_account_address": account_address(account.account_id),
        "side": "Sell" if held.size < 0 else "Buy",
        "size": listing.size(size),
        "avg_price": price(held.entry_price),
        "position_value": listing.value(size * held.entry_price),
        "margin_mode": words.MARGIN_MODES[held.mode],
        "position_balance": money(held.margin),
        "position_status": words.position_status(held),
        "leverage": str(held.leverage),
        "mark_price": price(held.mark_price),
        "liq_price": price(held.liquidation_price),
        "bust_price": price(held.bankruptcy_price),
        "position_im": money(held.initial_margin),
        "position_im_by_mp": money(held.initial_margin),
        "position_mm": money(held.maintenance_margin),
        "position_mm_by_mp": money(held.maintenance_margin),
        "take_profit": None,
        "stop_loss": None,
        "trailing_stop": None,
        "unrealized_pnl": money(held.unrealised_profit),
        "unrealized_funding": "0",
        "realized_pnl_cur": money(held.realised_profit),
        "realized_pnl_cum": money(held.realised_profit_total),
        "cum_funding": money(held.funding),
        "adl_rank_indicator": words.ADL_RANKS[held.deleveraging_rank],
        "is_reduce_only": False,
        "created_time": milliseconds(held.opened_ts),
        "updated_time": milliseconds(changed[1]),
        "seq": changed[0],
    }
