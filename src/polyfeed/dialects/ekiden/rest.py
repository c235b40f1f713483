"""The REST calls below /api/v1 (spec/ekiden.md 7): routes, limits, who asks.

The calls themselves are in rest_market.py, rest_klines.py and rest_perpetuals.py, a user's own in rest_account.py,
rest_executions.py, rest_positions.py and rest_orders.py.

Errors have four keys, because the documents and the SDK read different ones.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from polyfeed.dialects._base.dialect import BEHIND_RETRY_SECONDS
from polyfeed.dialects._base.rest import RestAnswer, RestAsk, RestRequest
from polyfeed.dialects.ekiden import asyncapi, spec
from polyfeed.dialects.ekiden.auth import Authority, Login
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.rest_account import Accounts
from polyfeed.dialects.ekiden.rest_executions import Executions
from polyfeed.dialects.ekiden.rest_klines import Klines
from polyfeed.dialects.ekiden.rest_market import MarketCalls
from polyfeed.dialects.ekiden.rest_orders import Orders
from polyfeed.dialects.ekiden.rest_perpetuals import Perpetuals
from polyfeed.dialects.ekiden.rest_positions import Positions
from polyfeed.dialects.ekiden.rest_values import Call, CallRefused, body_of, error, preflight, reply
from polyfeed.dialects.ekiden.settings import EkidenSettings
from polyfeed.dialects.ekiden.signatures import AuthRefused, Signed, milliseconds_of, signed_request
from polyfeed.model.enums import Refusal

ASYNCAPI_PATH = "/asyncapi.json"
PING_PATH = "/ping"

Handler = Callable[[Call], RestAnswer]

_ADDRESSES = 10_000
"""Addresses that are counted at once; the longest known is forgotten for a new one."""


class EkidenRest:
    """Answers calls from the venue as it is."""

    def __init__(self, desk: Desk, authority: Authority, settings: EkidenSettings) -> None:
        self._authority = authority
        self._rate = settings.rest_rate
        self._later = settings.later_topics
        self._calls: dict[str, tuple[int, int]] = {}
        public = MarketCalls(desk).calls() | Klines(desk).calls() | Perpetuals(desk).calls()
        orders, accounts, positions = Orders(desk), Accounts(desk), Positions(desk)
        own = accounts.calls() | Executions(desk).calls() | positions.reading()
        self._public: dict[tuple[str, str], Handler] = {
            ("GET", PING_PATH): lambda call: reply({"status": "ok", "time": str(call.now // 1000)}),
            ("POST", "/authorize"): self._authorize,
            **{("GET", path): partial(_plain, handler) for path, handler in public.items()},
        }
        self._reading: dict[tuple[str, str], Handler] = {
            ("GET", path): partial(_plain, handler) for path, handler in own.items()
        }
        self._trading: dict[tuple[str, str], Handler] = {
            ("POST", path): handler for path, handler in (orders.calls() | positions.trading()).items()
        }

    def answer(self, now: int, request: RestRequest, *, stale: bool = False) -> RestAnswer:
        """The reply to a call; `now` is gateway time in microseconds. While the state may be `stale`, nothing of it is
        told.
        """
        if request.path == ASYNCAPI_PATH and request.method == "GET":
            return reply(asyncapi.document(later=self._later))
        if request.method == "OPTIONS":
            return preflight()
        wait = self._wait(now, request.address)
        if wait:
            return error(429, spec.ERROR_RATE, "Rate limit exceeded", {"Retry-After": str(wait)})
        if stale and request.path != spec.PREFIX + PING_PATH:
            wait = BEHIND_RETRY_SECONDS
            return error(503, spec.ERROR_UNAVAILABLE, str(Refusal.VENUE_AWAY), {"Retry-After": str(wait)})
        try:
            return self._route(now, request)
        except CallRefused as refused:
            return refused.response()
        except AuthRefused as refused:
            return error(401, refused.number, refused.reason)

    def _route(self, now: int, request: RestRequest) -> RestAnswer:
        path = request.path.removeprefix(spec.PREFIX)
        if path == request.path:
            raise CallRefused(f"no such path: {request.path}", 404, spec.ERROR_NOT_FOUND)
        route = request.method, path.rstrip("/")
        call = Call(now, request, path)
        if route in self._public:
            return self._public[route](call)
        handler, permission = self._reading.get(route), spec.READ
        if handler is None:
            handler, permission = self._trading.get(route), spec.TRADE_PERMISSION
        if handler is None:
            raise CallRefused(f"no such call: {request.method} {request.path}", 404, spec.ERROR_NOT_FOUND)
        login = self._login(call)
        if not self._authority.may(login, permission):
            raise CallRefused(f"the key may not {permission}", 403, spec.ERROR_AUTH)
        call.account, call.accounts = login.account, self._authority.accounts_of(login)
        return handler(call)

    def _authorize(self, call: Call) -> RestAnswer:
        """A token for a signature; whatever is wrong with it is a bad request."""
        try:
            signed = signed_request(body_of(call.request), "public_key", spec.AUTHORIZE_MESSAGE)
            login = self._authority.verify(call.now, signed)
        except AuthRefused as refused:
            raise CallRefused(refused.reason, 400, refused.number) from refused
        token = self._authority.token(call.now, login)
        return reply({"token": token, "user_id": self._authority.user_id(login)})

    def _login(self, call: Call) -> Login:
        """Who asks: by a token, or by an API key and a signature of this very call. Raises AuthRefused."""
        headers = call.request.headers
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._authority.read_token(call.now, token.strip())
        if "x-api-key" not in headers:
            raise AuthRefused(spec.INVALID_TOKEN, "log in with Authorization: Bearer, or X-API-KEY and its signature")
        timestamp, nonce = milliseconds_of({"timestamp_ms": headers.get("x-timestamp-ms")}), headers.get("x-nonce", "")
        query = f"?{call.request.raw_query}" if call.request.raw_query else ""
        message = spec.REST_MESSAGE.format(
            method=call.request.method, path=f"{call.path}{query}", timestamp_ms=timestamp, nonce=nonce
        )
        return self._authority.verify(
            call.now, Signed(headers["x-api-key"], headers.get("x-signature", ""), timestamp, nonce, message)
        )

    def _wait(self, now: int, address: str) -> int:
        """Counts a call; how many seconds an address must wait that has made too many, 0 when it need not."""
        if not self._rate:
            return 0
        began, count = self._calls.pop(address, (now, 0))
        if now - began >= spec.REST_WINDOW:
            began, count = now, 0
        if len(self._calls) >= _ADDRESSES:
            del self._calls[next(iter(self._calls))]
        self._calls[address] = began, min(count + 1, self._rate + 1)
        return -(-(began + spec.REST_WINDOW - now) // spec.SECOND) if count >= self._rate else 0


def _plain(handler: Callable[[Call], object], call: Call) -> RestAnswer:
    value = handler(call)
    return value if isinstance(value, RestAsk) else reply(value)
