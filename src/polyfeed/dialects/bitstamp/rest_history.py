"""`order_data` and `account_order_data`: the events that a reader of the order channels missed (OpenAPI file)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from polyfeed.accounts.account import Account
from polyfeed.dialects.bitstamp import spec
from polyfeed.dialects.bitstamp.ids import EventId, market_number, parse_event_id
from polyfeed.dialects.bitstamp.markets import Listed, Markets
from polyfeed.dialects.bitstamp.order_events import Row, event_name, order_data, source
from polyfeed.dialects.bitstamp.private import own_terms
from polyfeed.dialects.bitstamp.projection import BitstampProjection
from polyfeed.dialects.bitstamp.rest_form import NO_MARKET, CallRefused, Form
from polyfeed.dialects.bitstamp.wire import Plain
from polyfeed.model.events import OwnOrderOpened

_FIRST = EventId(0, 0, 0)
_END = EventId(1 << 63, 0, 0)

Event = tuple[Row, OwnOrderOpened | None]


class HistoryCalls:
    """Answers from what the projection remembers: the last events of each market and of each account."""

    def __init__(self, markets: Markets, projection: BitstampProjection) -> None:
        self._markets = markets
        self._projection = projection

    def order_data(self, form: Form) -> list[dict[str, Any]]:
        """The public events of a market."""
        listed = self._market(form)
        first, end = self._range(form, listed, stop=False)
        rows = [row for row in self._projection.record(listed).recent if first <= row.id < end]
        return _found(_event(listed, row) for row in rows)

    def account_order_data(self, account: Account, form: Form) -> list[dict[str, Any]]:
        """The events of the caller's orders in a market."""
        order_source = form.text("order_source")
        if not order_source:
            raise CallRefused("400.078", "POST parameter(s) is missing from request: order_source.")
        if order_source not in (spec.ORDERBOOK, spec.STOP_ORDER):
            raise CallRefused("400.080", "POST parameter(s) is malformed: order_source.")
        listed, stop = self._market(form), order_source == spec.STOP_ORDER
        first, end = self._range(form, listed, stop)
        trade_account = account.account_id if account.parent else 0
        return _found(
            _own_event(listed, own.row, own.terms, trade_account)
            for own in self._projection.own(account.account_id)
            if own.instrument == listed.id and own.row.stop == stop and first <= own.row.id < end
        )

    def _market(self, form: Form) -> Listed:
        name = form.text("market")
        if not name:
            raise CallRefused("400.079", "POST parameter(s) is missing from request: market.")
        listed = self._markets.named(name)
        if listed is None:
            raise NO_MARKET
        return listed

    def _range(self, form: Form, listed: Listed, stop: bool) -> tuple[EventId, EventId]:
        """From `since_id` to before `until_id`; the last 24 hours without the former."""
        end = _bound(form, "until_id", "400.082", listed, stop) or _END
        last = end.ts if end is not _END else listed.state.clock.now
        first = _bound(form, "since_id", "400.081", listed, stop) or _FIRST._replace(ts=max(0, last - spec.DAY))
        if form.text("since_id") and not first < end:
            raise CallRefused("400.085", "Invalid event ID range: until_id must be greater than since_id.")
        return first, end


def _bound(form: Form, name: str, code: str, listed: Listed, stop: bool) -> EventId | None:
    text = form.text(name)
    if not text:
        return None
    try:
        given = parse_event_id(text.lower())
    except ValueError as error:
        raise CallRefused(code, f"POST parameter(s) is malformed: {name}.") from error
    if given.market != market_number(listed.id):
        raise CallRefused("400.083", "Event ID market mismatch: event ID does not match requested market.")
    if not given.of_source(stop):
        raise CallRefused("400.084", "Event ID source mismatch: event ID does not match requested order source.")
    return given.event._replace(counter=0)


def _event(listed: Listed, row: Row) -> dict[str, Any]:
    market = market_number(listed.id)
    return {
        "event": row.event,
        "event_id": row.id.text(market, row.stop),
        "order_source": source(row),
        "data": _spaced(order_data(listed, row)),
    }


def _own_event(listed: Listed, row: Row, terms: OwnOrderOpened, trade_account: int) -> dict[str, Any]:
    data = order_data(listed, row, own_terms(listed, terms, row, trade_account))
    event = _event(listed, row)
    return {
        "event": event_name(row, terms.replaces),
        "event_id": event["event_id"],
        "order_source": event["order_source"],
        "trade_account_id": trade_account,
        "data": _spaced(data),
    }


def _spaced(data: str) -> Plain:
    """A socket's payload: the same keys and numbers, in the spelling of the socket."""
    return Plain(data)


def _found(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = list(events)
    if not rows:
        raise CallRefused("404.008", "No events found for the provided parameters.", 404)
    return rows
