"""The public REST calls that socket clients make beside the socket: /0/public/{Time, SystemStatus, Assets, AssetPairs,
Ticker, OHLC, Depth, Trades, Spread}.

Every answer is HTTP 200 with `{"error": [...]}` and, without an error, `result`; slashes are escaped, as the real
server does. Calls may be GET with a query or POST with a form. Pairs may be named as in either API, and answers are
keyed by the REST name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs

import msgspec

from polyfeed.dialects._base.rest import RestAnswer, RestAsk, RestRequest, RestResponse
from polyfeed.dialects.kraken import rest_bodies, spec
from polyfeed.dialects.kraken.pairs import Pair, Pairs
from polyfeed.dialects.kraken.rest_names import accepted_names, asset_name, pair_name
from polyfeed.market.market import Market

UNKNOWN_PAIR = "EQuery:Unknown asset pair"
UNKNOWN_ASSET = "EQuery:Unknown asset"
BAD_ARGUMENTS = "EGeneral:Invalid arguments"
UNKNOWN_METHOD = "EGeneral:Unknown method"
PRIVATE = "EAPI:Invalid key"
UNAVAILABLE = "EService:Unavailable"
"""What Kraken answers while its trading engine cannot be reached."""

DEPTH_DEFAULT, DEPTH_LIMIT = 100, 500
TRADES_LIMIT = 1000

LATEST_ID = 1 << 63
"""`since` of the year 2262 in nanoseconds; nothing is later."""

Arguments = dict[str, str]


class CallRefused(Exception):
    """The call is answered with this error."""


class KrakenRest:
    """Answers calls from the market as it is."""

    def __init__(self, market: Market, pairs: Pairs) -> None:
        self._market = market
        self._pairs = pairs
        self._names: dict[str, Pair] = {}
        self._calls: dict[str, Callable[[int, Arguments], Any]] = {
            "Time": self._time,
            "SystemStatus": self._system_status,
            "Assets": self._assets,
            "AssetPairs": self._asset_pairs,
            "Ticker": self._ticker,
            "OHLC": self._ohlc,
            "Depth": self._depth,
            "Trades": self._trades,
            "Spread": self._spread,
        }
        told = {"Time": self._time, "SystemStatus": self._maintenance}
        self._calls_stale = {name: told.get(name, self._unavailable) for name in self._calls}

    def forget(self) -> None:
        """Pairs are others: their names are looked up anew."""
        self._names.clear()

    def answer(self, now: int, request: RestRequest, *, stale: bool = False) -> RestAnswer:
        """The reply to a call; `now` is gateway time in microseconds. While the market may be `stale`, only the status
        and the time are told.
        """
        if not request.path.startswith("/0/"):
            return RestResponse(404, b"Not Found", "text/plain")
        _, _, kind, *rest = request.path.split("/")
        calls = self._calls_stale if stale else self._calls
        call = calls.get("/".join(rest)) if kind == "public" and request.method in ("GET", "POST") else None
        if call is None:
            return _envelope({"error": [PRIVATE if kind == "private" else UNKNOWN_METHOD]})
        try:
            result = call(now // spec.SECOND, _arguments(request))
            return result if isinstance(result, RestAsk) else _envelope({"error": [], "result": result})
        except CallRefused as refused:
            return _envelope({"error": [str(refused)]})

    # --- calls ------------------------------------------------------------------------------------------------------

    def _time(self, now: int, arguments: Arguments) -> dict[str, Any]:
        date = formatdate(now)  # in English whatever the locale; the year is to have two digits
        return {"unixtime": now, "rfc1123": f"{date[:12]}{date[14:25]} +0000"}

    def _system_status(self, now: int, arguments: Arguments) -> dict[str, Any]:
        return _status(self._market.system_status, now)

    def _maintenance(self, now: int, arguments: Arguments) -> dict[str, Any]:
        return _status(spec.STATUS_MAINTENANCE, now)

    def _unavailable(self, now: int, arguments: Arguments) -> dict[str, Any]:
        raise CallRefused(UNAVAILABLE)

    def _assets(self, now: int, arguments: Arguments) -> dict[str, Any]:
        codes = sorted({code for pair in self._pairs for code in pair.name.split("/")})
        wanted = _listed(arguments, "asset")
        known = {name: code for code in codes for name in (code, asset_name(code))}
        if not known.keys() >= set(wanted):
            raise CallRefused(UNKNOWN_ASSET)
        chosen = [known[name] for name in wanted] or codes
        return {asset_name(code): rest_bodies.asset(code) for code in chosen}

    def _asset_pairs(self, now: int, arguments: Arguments) -> dict[str, Any]:
        pairs = self._chosen(arguments)
        return {pair_name(pair.name): rest_bodies.asset_pair(pair, self._quote_scale(pair)) for pair in pairs}

    def _ticker(self, now: int, arguments: Arguments) -> dict[str, Any]:
        return {pair_name(pair.name): rest_bodies.ticker(pair) for pair in self._chosen(arguments)}

    def _ohlc(self, now: int, arguments: Arguments) -> dict[str, Any]:
        pair, minutes = self._one(arguments), _number(arguments, "interval", 1)
        if minutes not in spec.INTERVALS:
            raise CallRefused(BAD_ARGUMENTS)
        rows, last = rest_bodies.candles(pair, minutes, _number(arguments, "since", 0))
        return {pair_name(pair.name): rows, "last": last}

    def _depth(self, now: int, arguments: Arguments) -> dict[str, Any]:
        pair, count = self._one(arguments), _number(arguments, "count", DEPTH_DEFAULT)
        return {pair_name(pair.name): rest_bodies.depth(pair, min(count, DEPTH_LIMIT))}

    def _trades(self, now: int, arguments: Arguments) -> RestAsk:
        pair, count = self._one(arguments), _number(arguments, "count", TRADES_LIMIT)
        since = min(_number(arguments, "since", 0), LATEST_ID)

        def shown(found: Sequence[Any]) -> RestResponse:
            rows, last = rest_bodies.trades(pair, since, found)
            return _envelope({"error": [], "result": {pair_name(pair.name): rows, "last": last}})

        return RestAsk(rest_bodies.trades_after(pair, since, min(count, TRADES_LIMIT)), shown)

    def _spread(self, now: int, arguments: Arguments) -> dict[str, Any]:
        pair = self._one(arguments)
        rows, last = rest_bodies.spread(pair)
        return {pair_name(pair.name): rows, "last": last}

    # --- arguments --------------------------------------------------------------------------------------------------

    def _chosen(self, arguments: Arguments) -> list[Pair]:
        """The pairs of `pair`, in its order; all without it."""
        return [self._find(name) for name in _listed(arguments, "pair")] or list(self._pairs)

    def _one(self, arguments: Arguments) -> Pair:
        if not arguments.get("pair"):
            raise CallRefused(BAD_ARGUMENTS)
        return self._find(arguments["pair"])

    def _find(self, name: str) -> Pair:
        pair = self._names.get(name.upper()) or self._learn(name.upper())
        if pair is None:
            raise CallRefused(UNKNOWN_PAIR)
        return pair

    def _learn(self, name: str) -> Pair | None:
        """Looks again, for pairs that were listed since."""
        self._names = {spelling: pair for pair in self._pairs for spelling in accepted_names(pair.name)}
        return self._names.get(name)

    def _quote_scale(self, pair: Pair) -> int:
        currency = self._market.currencies.get(pair.state.instrument.quote)
        return currency.scale if currency else 0


def _status(text: str, now: int) -> dict[str, Any]:
    return {"status": text, "timestamp": f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%SZ}"}


def _arguments(request: RestRequest) -> Arguments:
    values = dict(request.query)
    if request.method == "POST":
        values |= parse_qs(request.body.decode("utf-8", "replace"))
    return {name: given[0] for name, given in values.items() if given}


def _listed(arguments: Arguments, name: str) -> list[str]:
    return [part.strip() for part in arguments.get(name, "").split(",") if part.strip()]


def _number(arguments: Arguments, name: str, default: int) -> int:
    """A whole number; the fraction that some clients send with `since` does not count."""
    text = arguments.get(name) or str(default)
    whole = text.partition(".")[0]
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 20):
        raise CallRefused(BAD_ARGUMENTS)
    return int(whole)


def _envelope(body: dict[str, Any]) -> RestResponse:
    return RestResponse(200, msgspec.json.encode(body).replace(b"/", b"\\/"))


def unavailable() -> RestResponse:
    """The reply to a call that cannot be answered now."""
    return _envelope({"error": [UNAVAILABLE]})
