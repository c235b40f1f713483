"""The objects of the private channels and calls, from an account as it is (spec/ekiden.md 6).

Values are decimal text unless said otherwise; times are text in milliseconds. A spot instrument has leverage 1 and
neither margin nor positions (sheet 11).
"""

from __future__ import annotations

from polyfeed.accounts.account import Account
from polyfeed.dialects.ekiden import private_words as words
from polyfeed.dialects.ekiden.ids import account_address, order_uuid, trade_uuid
from polyfeed.dialects.ekiden.public_objects import RATE_DECIMALS, SIDES, Object
from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.dialects.ekiden.wire import decimal, milliseconds
from polyfeed.market.market import Market
from polyfeed.model.enums import OrderKind
from polyfeed.model.events import OwnFill, OwnOrderOpened
from polyfeed.model.formulas import PPM
from polyfeed.model.numbers import divide_half_up
from polyfeed.model.orders import OwnOrder


def order(listing: Listing, market: Market, account: Account, own: OwnOrder) -> Object:
    """An order as it stands. Nothing of one that ended is left, as Bybit has it."""
    terms, price, size = own.terms, listing.price, listing.size
    quote = quote_scale(listing, market)
    chosen = account.leverage_in(listing.state.instrument)
    left = 0 if own.ended else own.left
    return {
        "order_id": order_uuid(own.order_id),
        "order_link_id": terms.client_id or None,
        "symbol": listing.symbol,
        "sub_account_address": account_address(account.account_id),
        "price": price(own.price),
        "qty": size(own.size),
        "side": SIDES[terms.side],
        "leverage": str(chosen.leverage),
        "margin_mode": words.MARGIN_MODES[chosen.mode],
        "order_status": words.order_status(own),
        "create_type": words.create_type(terms),
        "cancel_type": words.cancel_type(own),
        "reject_reason": words.reject_reason(own),
        "avg_price": average_price(listing, own.value, own.filled, quote),
        "leaves_qty": size(left),
        "leaves_value": listing.value(left * own.price),
        "cum_exec_qty": size(own.filled),
        "cum_exec_value": decimal(own.value, quote),
        "cum_exec_fee": decimal(own.fees, quote),
        "closed_pnl": decimal(own.closing.net, quote) if own.closing else None,
        "time_in_force": words.time_in_force(terms),
        "expire_time": milliseconds(terms.expire_ts) if terms.expire_ts else None,
        "order_type": order_type(terms),
        "stop_order_type": words.stop_order_type(terms),
        "tpsl": None,
        "trigger": words.trigger(terms, price),
        "last_price_on_created": price(terms.last_price),
        "post_only": terms.post_only,
        "reduce_only": terms.reduce_only,
        "close_on_trigger": terms.close_on_trigger,
        "created_time": milliseconds(own.opened_ts),
        "updated_time": milliseconds(own.updated_ts),
    }


def execution(
    listing: Listing, market: Market, account: Account, fill: OwnFill, terms: OwnOrderOpened | None, ts: int
) -> Object:
    """A match of an order. Without the order's terms (it is older than all that is known) its own are those of the
    match."""
    quote = quote_scale(listing, market)
    mark, index = (fill.mark_price, fill.index_price) if listing.linear else (fill.price, fill.price)
    return {
        "exec_id": trade_uuid(fill.trade_id, maker=fill.maker),
        "symbol": listing.symbol,
        "order_id": order_uuid(fill.order_id),
        "order_link_id": (terms.client_id or None) if terms else None,
        "side": SIDES[fill.side],
        "sub_account_address": account_address(account.account_id),
        "order_price": listing.price(terms.price if terms else fill.price),
        "order_qty": listing.size(terms.size if terms else fill.size + fill.left),
        "leaves_qty": listing.size(fill.left),
        "create_type": words.create_type(terms) if terms else None,
        "order_type": order_type(terms) if terms else "Limit",
        "stop_order_type": words.stop_order_type(terms) if terms else None,
        "exec_price": listing.price(fill.price),
        "exec_qty": listing.size(fill.size),
        "exec_value": decimal(fill.value, quote),
        "exec_type": words.EXECUTIONS[fill.execution],
        "exec_time": milliseconds(ts),
        "is_maker": fill.maker,
        "fee_rate": decimal(rate_ppm(fill.fee, fill.value), RATE_DECIMALS),
        "mark_price": listing.price(mark),
        "index_price": listing.price(index),
        "closed_size": listing.size(fill.closed_size) if listing.linear else None,
        "seq": fill.trade_id,
    }


def order_type(terms: OwnOrderOpened) -> str:
    """What is no limit order is a market order to Ekiden."""
    return "Limit" if terms.kind is OrderKind.LIMIT else "Market"


def quote_scale(listing: Listing, market: Market) -> int:
    """Decimals of the quote currency."""
    currency = market.currencies.get(listing.state.instrument.quote)
    return currency.scale if currency else 0


def average_price(listing: Listing, value: int, filled: int, quote: int) -> str:
    """Value (quote currency) by size, to the instrument's decimals, halves up; "0" when nothing filled."""
    if not filled:
        return "0"
    instrument = listing.state.instrument
    unit = 10 ** (instrument.price_scale + instrument.size_scale - quote)
    return listing.price(divide_half_up(value * unit, filled))


def rate_ppm(fee: int, value: int) -> int:
    """The rate at which a fee was charged, in parts per million, to the nearest: fees are rounded down to the last
    unit."""
    if not value:
        return 0
    rate = divide_half_up(abs(fee) * PPM, value)
    return rate if fee >= 0 else -rate
