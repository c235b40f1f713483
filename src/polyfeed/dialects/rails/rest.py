"""The REST calls (spec/rails.md 10). One port has the paths of all of Rails' hosts.

Errors are `{"message": reason}` with their HTTP status. Calls about an account need `Authorization: Bearer <token>`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from polyfeed.accounts.account import Account
from polyfeed.dialects._base.context import Context
from polyfeed.dialects._base.dialect import BEHIND_RETRY_SECONDS
from polyfeed.dialects._base.rest import RestAnswer, RestAsk, RestRequest, RestResponse
from polyfeed.dialects.rails import asyncapi, auth, rest_bodies, rest_money, spec
from polyfeed.dialects.rails.auth import Login, Tokens
from polyfeed.dialects.rails.bulk import Bulk
from polyfeed.dialects.rails.ids import is_uuid
from polyfeed.dialects.rails.limiter import Limiter
from polyfeed.dialects.rails.markets import Listing, Market
from polyfeed.dialects.rails.requests import Refused
from polyfeed.dialects.rails.wire import short
from polyfeed.model.enums import Refusal
from polyfeed.model.history import OrderRow
from polyfeed.model.orders import OwnOrder

_ALL = "all"


class RailsRest:
    """Answers calls from the state as of the last batch."""

    def __init__(self, context: Context, listing: Listing, tokens: Tokens, limiter: Limiter) -> None:
        self._context = context
        self._listing = listing
        self._tokens = tokens
        self._limiter = limiter
        self._public: dict[tuple[str, str], Callable[[int, RestRequest], RestAnswer]] = {
            ("POST", "/api/v1/token"): self._token,
            ("GET", "/api/v1/markets"): self._markets,
            ("GET", "/api/v1/market-data"): self._market_data,
            ("GET", "/asyncapi.json"): self._document,
        }
        self._private: dict[tuple[str, str], Callable[[int, RestRequest, Login], RestAnswer]] = {
            ("GET", "/api/v1/open-orders"): self._open_orders,
            ("GET", "/api/v1/open-order"): self._open_order,
            ("GET", "/api/v1/order"): self._order,
            ("DELETE", "/api/v1/orders"): self._cancel_orders,
            ("GET", "/api/v1/completed-orders"): self._completed_orders,
            ("GET", "/api/v1/balances"): self._balances,
            ("GET", "/api/v1/positions"): self._positions,
        }

    def answer(self, now: int, request: RestRequest) -> RestAnswer:
        """The reply to a call; `now` is gateway time in microseconds."""
        call = (request.method, request.path)
        try:
            if call in self._public:
                return self._public[call](now, request)
            if call in self._private:
                return self._private[call](now, request, self._login(now, request))
            methods = [method for method, path in (*self._public, *self._private) if path == request.path]
            if methods:
                return answer({"message": "method not allowed"}, 405, {"Allow": ", ".join(methods)})
            raise Refused(spec.NOT_FOUND, "not found")
        except Refused as refused:
            return answer({"message": refused.text}, refused.status)

    # --- public -----------------------------------------------------------------------------------------------------

    def _document(self, now: int, request: RestRequest) -> RestResponse:
        return answer(asyncapi.document())

    def _token(self, now: int, request: RestRequest) -> RestResponse:
        key_id = request.headers.get("x-api-key", "")
        if self._tokens.known(key_id) and not self._limiter.token(now, key_id):
            raise Refused(spec.TOO_MANY, "too many tokens")
        token = self._tokens.give(now, key_id, request.headers.get("x-api-secret", ""))
        if token is None:
            raise Refused(spec.UNAUTHORIZED, "unknown key or wrong secret")
        return answer({"access_token": token, "token_type": "Bearer", "expires_in": spec.TOKEN_SECONDS})

    def _markets(self, now: int, request: RestRequest) -> RestResponse:
        return answer([rest_bodies.market(market) for market in self._listing])

    def _market_data(self, now: int, request: RestRequest) -> RestResponse:
        names = [name for name in request.first("markets").split(",") if name]
        markets = [self._market(name) for name in names] or list(self._listing)
        return answer([row for market in markets for row in rest_bodies.market_data(market)])

    # --- of an account ----------------------------------------------------------------------------------------------

    def _login(self, now: int, request: RestRequest) -> Login:
        login = self._tokens.read(now, auth.bearer(request.headers.get("authorization", "")))
        if login is None:
            raise Refused(spec.UNAUTHORIZED, "missing, invalid or expired token")
        if not self._limiter.call(now, login.account.account_id):
            raise Refused(spec.TOO_MANY, spec.RATE_LIMITED)
        return login

    def _open_orders(self, now: int, request: RestRequest, login: Login) -> RestResponse:
        market = self._market(request.first("market")) if request.first("market") else None
        return answer(rest_bodies.open_orders(self._listing, login.account, market, request.first("start")))

    def _open_order(self, now: int, request: RestRequest, login: Login) -> RestResponse:
        self._charge(now, login.account)
        wanted = self._wanted(request)
        found = rest_bodies.order_asked(wanted, login.account)
        known = found if isinstance(found, OwnOrder) else None
        return answer({"openOrder": rest_bodies.order_found(wanted, login.account, known)})

    def _order(self, now: int, request: RestRequest, login: Login) -> RestAnswer:
        self._charge(now, login.account)
        wanted = self._wanted(request)
        found = rest_bodies.order_asked(wanted, login.account)
        if isinstance(found, OwnOrder):
            return answer({"order": rest_bodies.order_found(wanted, login.account, found)})
        oldest = self._context.accounts.ts - spec.RECENT_US

        def told(rows: Sequence[OrderRow]) -> RestResponse:
            ended = rows[0].order if rows else None
            return answer({"order": rest_bodies.order_found(wanted, login.account, ended, oldest)})

        return RestAsk(found, _refusable(told))

    def _cancel_orders(self, now: int, request: RestRequest, login: Login) -> RestAnswer:
        if not login.trades:
            raise Refused(spec.FORBIDDEN, "a read-only key cannot cancel orders")
        name, client_id = request.first("market"), request.first("clientRequestId")
        if not name:
            raise Refused(spec.BAD, "market is required")
        if client_id and not is_uuid(client_id):
            raise Refused(spec.BAD, spec.BAD_REQUEST_ID)
        market = None if name.lower() == _ALL else self._market(name)
        self._charge(now, login.account)
        return Bulk(self._listing, login.account, market, client_id).next()

    def _completed_orders(self, now: int, request: RestRequest, login: Login) -> RestAnswer:
        start, end = _time(request, "startDate"), _time(request, "endDate")
        query = rest_bodies.completed_asked(self._listing, login.account, start, end, request.first("start"))
        return RestAsk(query, lambda rows: answer(rest_bodies.completed_orders(self._listing, rows)))

    def _balances(self, now: int, request: RestRequest, login: Login) -> RestResponse:
        return answer(rest_money.balances(self._context.market.currencies, login.account))

    def _positions(self, now: int, request: RestRequest, login: Login) -> RestResponse:
        return answer(rest_money.positions(self._listing, login.account))

    # --- arguments --------------------------------------------------------------------------------------------------

    def _charge(self, now: int, account: Account) -> None:
        if not self._limiter.action(now, account.account_id, self._limiter.tier(account.tier)):
            raise Refused(spec.TOO_MANY, spec.RATE_LIMITED)

    def _market(self, name: str) -> Market:
        market = self._listing.find(name)
        if market is None:
            raise Refused(spec.BAD, spec.MARKET_UNKNOWN.format(name=short(name)))
        return market

    def _wanted(self, request: RestRequest) -> rest_bodies.Wanted:
        market = self._market(request.first("market"))
        order_id, client_id = request.first("order-id"), request.first("client-request-id")
        if not order_id and not client_id:
            raise Refused(spec.BAD, "order-id or client-request-id is required")
        return rest_bodies.Wanted(market, order_id, client_id)


def _time(request: RestRequest, name: str) -> int | None:
    """Milliseconds of a query parameter as microseconds, None without it."""
    text = request.first(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Refused(spec.BAD, f"{name} must be milliseconds since the epoch")
    return int(text) * 1000


def _refusable(reply: Callable[[Sequence[Any]], RestAnswer]) -> Callable[[Sequence[Any]], RestAnswer]:
    """A reply that is made later, and whose refusal is its answer."""

    def made(rows: Sequence[Any]) -> RestAnswer:
        try:
            return reply(rows)
        except Refused as refused:
            return answer({"message": refused.text}, refused.status)

    return made


def away() -> RestResponse:
    """The reply to any call while what is known may be old."""
    status, text = spec.TEMPORARY[Refusal.VENUE_AWAY]
    return answer({"message": text}, status, {"Retry-After": str(BEHIND_RETRY_SECONDS)})


def answer(body: Any, status: int = 200, headers: Mapping[str, str] = {}) -> RestResponse:
    """A JSON reply."""
    return RestResponse(status, msgspec.json.encode(body), headers=dict(headers))
