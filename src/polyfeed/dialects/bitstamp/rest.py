"""The REST calls that Bitstamp's clients make beside the socket (spec/bitstamp.md 7; shapes: OpenAPI file).

Paths are taken with and without the slash at their end. Public calls are GET; the others are POST with a signature
(`auth.py`), and their responses are signed too. Refusals have HTTP status 200, as the OpenAPI file shows them, those of
authentication 403, unknown things 404.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from polyfeed.dialects._base.context import Context
from polyfeed.dialects._base.rest import RestAnswer, RestAsk, RestRequest, RestResponse, RestSubmit
from polyfeed.dialects.bitstamp import spec
from polyfeed.dialects.bitstamp.auth import Authenticator, AuthRefused, Caller
from polyfeed.dialects.bitstamp.markets import Markets, UnknownMarket
from polyfeed.dialects.bitstamp.projection import BitstampProjection
from polyfeed.dialects.bitstamp.rest_form import (
    NO_MARKET,
    CallRefused,
    Form,
    answered,
    refusable,
    refused_response,
    response,
)
from polyfeed.dialects.bitstamp.rest_orders import guarded
from polyfeed.dialects.bitstamp.rest_public import PublicCalls
from polyfeed.dialects.bitstamp.rest_signed import TRADE, WRITES, SignedCalls
from polyfeed.dialects.bitstamp.rest_tickers import ticker, ticker_hour
from polyfeed.dialects.bitstamp.rest_trades import ohlc, transactions
from polyfeed.dialects.bitstamp.tokens import READ, Tokens


class BitstampRest:
    """Answers calls from the market and the accounts as they are."""

    def __init__(
        self,
        context: Context,
        markets: Markets,
        projection: BitstampProjection,
        auth: Authenticator,
        tokens: Tokens,
    ) -> None:
        self._markets = markets
        self._auth = auth
        self._public = PublicCalls(context.market, markets, projection)
        self._calls = SignedCalls(context.market, markets, projection, tokens)

    def answer(self, now: int, request: RestRequest) -> RestAnswer:
        """The reply to a call; `now` is gateway time in microseconds."""
        if not request.path.startswith(spec.ROOT):
            return RestResponse(404, b"Not Found", "text/plain")
        words = request.path.removeprefix(spec.ROOT).strip("/").split("/")
        try:
            call = self._find_public(request, words)
            if call is not None:
                if request.method not in ("GET", "HEAD"):
                    raise CallRefused(
                        "405.001", "POST method not allowed for this request.", 405, {"Allow": "GET, HEAD"}
                    )
                return answered(call())
            return self._signed(now, request, words)
        except CallRefused as refused:
            return refused_response(refused)
        except UnknownMarket:
            return response(NO_MARKET.body, NO_MARKET.status)
        except AuthRefused as refused:
            return response({"status": "error", "reason": str(refused), "code": refused.code}, 403)

    # --- public -----------------------------------------------------------------------------------------------------

    def _find_public(self, request: RestRequest, words: list[str]) -> Callable[[], Any] | None:
        public = self._public
        match words:
            case ["order_book", symbol]:
                return partial(public.order_book, request, self._markets.wanted(symbol))
            case ["markets"]:
                return public.markets
            case ["trading-pairs-info"]:
                return public.trading_pairs_info
            case ["currencies"]:
                return public.currencies
            case ["ticker"]:
                return partial(self._bare, request, public.tickers)
            case ["ticker", symbol]:
                return partial(self._bare, request, partial(ticker, self._markets.wanted(symbol)))
            case ["ticker_hour", symbol]:
                return partial(self._bare, request, partial(ticker_hour, self._markets.wanted(symbol)))
            case ["transactions", symbol]:
                return partial(transactions, request, self._markets.wanted(symbol))
            case ["ohlc", symbol]:
                return partial(ohlc, request, self._markets.wanted(symbol))
            case ["funding_rate", symbol]:
                return partial(public.funding_rate, self._markets.wanted(symbol))
        return None

    def _bare(self, request: RestRequest, call: Callable[[], Any]) -> Any:
        if request.query:
            raise CallRefused("400.018", "GET parameters not allowed for this request.")
        return call()

    # --- signed -----------------------------------------------------------------------------------------------------

    def _signed(self, now: int, request: RestRequest, words: list[str]) -> RestAnswer:
        name, rest = self._calls.split(words)
        method = "GET" if name == "my_markets" else "POST"
        if request.method != method:
            raise CallRefused("405.001", "GET method not allowed.", 405, {"Allow": method})
        caller = self._auth.check(now, request, TRADE if name in WRITES else READ)
        try:
            answer = self._calls.answer(now, caller, Form(request), name, rest)
        except CallRefused as refused:
            answer = response(refused.body, refused.status)
        except UnknownMarket:
            answer = response(NO_MARKET.body, NO_MARKET.status)
        return _sign(caller, answer)


def _sign(caller: Caller, answer: RestAnswer) -> RestAnswer:
    """The answer with the server's signature, also where it has still to come."""
    if isinstance(answer, RestSubmit):
        reply = guarded(answer.reply)
        return RestSubmit(answer.command, lambda outcome: _sign(caller, reply(outcome)))
    if isinstance(answer, RestAsk):
        found = refusable(answer.reply)
        return RestAsk(answer.query, lambda rows: _sign(caller, found(rows)))
    signature = caller.server_signature(answer.content_type, answer.body)
    return RestResponse(
        answer.status, answer.body, answer.content_type, {**answer.headers, "X-Server-Auth-Signature": signature}
    )
