"""A perpetual's position and its funding, as the private channels and calls have them (spec/ekiden.md 6)."""

from __future__ import annotations

from polyfeed.accounts.account import Account
from polyfeed.dialects.ekiden import private_words as words
from polyfeed.dialects.ekiden.ids import account_address, funding_uuid, order_uuid
from polyfeed.dialects.ekiden.private_objects import average_price, order_type, quote_scale
from polyfeed.dialects.ekiden.projection import PositionNumbers
from polyfeed.dialects.ekiden.public_objects import RATE_DECIMALS, SIDES, Object
from polyfeed.dialects.ekiden.risk import tier_of
from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.dialects.ekiden.wire import decimal, milliseconds
from polyfeed.market.market import Market
from polyfeed.model.enums import Side
from polyfeed.model.events import FundingPaid, PositionSet
from polyfeed.model.formulas import cost, cost_divisor
from polyfeed.model.margin import initial_margin, maintenance_margin
from polyfeed.model.orders import Closing, OwnOrder

_NO_ORDER = "00000000-0000-0000-0000-000000000000"


def funding(listing: Listing, account: Account, paid: FundingPaid, ts: int) -> Object:
    """A funding payment as an execution of the position's value, with the funding rate as the fee's: who receives has
    a negative one."""
    size, mark = abs(paid.size), paid.mark_price
    rate = paid.rate_ppm if paid.size > 0 else -paid.rate_ppm
    return {
        "exec_id": funding_uuid(ts, paid.instrument, account.account_id),
        "symbol": listing.symbol,
        "order_id": _NO_ORDER,
        "order_link_id": None,
        "side": SIDES[Side.BUY if paid.size > 0 else Side.SELL],
        "sub_account_address": account_address(account.account_id),
        "order_price": "0",
        "order_qty": "0",
        "leaves_qty": "0",
        "create_type": None,
        "order_type": "Market",
        "stop_order_type": None,
        "exec_price": listing.price(mark),
        "exec_qty": listing.size(size),
        "exec_value": listing.value(size * mark),
        "exec_type": words.FUNDING,
        "exec_time": milliseconds(ts),
        "is_maker": False,
        "fee_rate": decimal(rate, RATE_DECIMALS),
        "mark_price": listing.price(mark),
        "index_price": listing.price(paid.index_price),
        "closed_size": None,
        "seq": paid.transaction_id,
    }


def position(listing: Listing, market: Market, account: Account, held: PositionSet, numbers: PositionNumbers) -> Object:
    """A position. A closed one has side Buy."""
    price, quote = listing.price, quote_scale(listing, market)
    size = abs(held.size)
    terms = listing.state.instrument.perpetual
    assert terms is not None
    divisor = cost_divisor(listing.state.instrument, quote)
    entered = cost(held.entry_price, size, divisor)
    number, tier = tier_of(terms, cost(held.mark_price, size, divisor))

    def money(amount: int) -> str:
        return decimal(amount, quote)

    return {
        "risk_id": number,
        "risk_limit_value": money(tier.limit),
        "symbol": listing.symbol,
        "sub_account_address": account_address(account.account_id),
        "side": SIDES[Side.SELL if held.size < 0 else Side.BUY],
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
        "position_im": money(initial_margin(entered, held.leverage, terms.tiers)),
        "position_im_by_mp": money(held.initial_margin),
        "position_mm": money(maintenance_margin(entered, terms.tiers)),
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
        "updated_time": milliseconds(numbers.ts),
        "seq": numbers.changes,
    }


def closed_profit(listing: Listing, market: Market, account: Account, own: OwnOrder, closed: Closing) -> Object:
    """What an order closed of positions, in all its matches. `closed_pnl` is after fees, and fees are positive when
    paid."""
    quote = quote_scale(listing, market)

    def money(amount: int) -> str:
        return decimal(amount, quote)

    return {
        "symbol": listing.symbol,
        "sub_account_address": account_address(account.account_id),
        "order_id": order_uuid(own.order_id),
        "side": SIDES[own.terms.side],
        "qty": listing.size(own.size),
        "order_price": listing.price(own.price),
        "order_type": order_type(own.terms),
        "exec_type": words.EXECUTIONS[closed.execution],
        "closed_size": listing.size(closed.size),
        "cum_entry_value": money(closed.entry_value),
        "avg_entry_price": average_price(listing, closed.entry_value, closed.size, quote),
        "cum_exit_value": money(closed.exit_value),
        "avg_exit_price": average_price(listing, closed.exit_value, closed.size, quote),
        "closed_pnl": money(closed.net),
        "fill_count": str(closed.fills),
        "leverage": str(closed.leverage),
        "open_fee": money(-closed.opening_fees),
        "close_fee": money(-closed.closing_fees),
        "created_time": milliseconds(own.opened_ts),
        "updated_time": milliseconds(own.updated_ts),
    }
