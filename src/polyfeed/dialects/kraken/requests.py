"""Reads what a client sent and finds what is wrong with it, in the order of spec/kraken.md 2.3.

    JSON -> is an object -> has an event -> the event is known -> reqid -> subscription is an object -> its name ->
    fields of other channels -> depth or interval: type -> value -> the array of pairs -> each pair (in session.py)

Each check returns what it read or raises `Refused` with Kraken's text. JSON is read with the standard library because
it leaves to us what to do with every oddity: a key twice (the last counts), NaN and numbers beyond a float
(malformed), integers of any length up to 4,300 digits, lone surrogates (repeated as they were escaped).
"""

from __future__ import annotations

import json
import math
from typing import Any

from msgspec import Struct

from polyfeed.dialects.kraken import auth, spec
from polyfeed.dialects.kraken.spec import Profile
from polyfeed.dialects.kraken.wire import encode

Request = dict[str, Any]


class Refused(Exception):
    """A request is refused with this text; `event` is the event of the reply."""

    def __init__(self, text: str, event: str = "subscriptionStatus") -> None:
        super().__init__(text)
        self.text = text
        self.event = event


class Wish(Struct, frozen=True):
    """What a subscribe or unsubscribe is about. `parameter` is 0 where depth or interval was not given."""

    channel: str
    parameter: int
    pairs: list[str]


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number


def _no_constant(name: str) -> float:
    raise ValueError(name)


_decoder = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant)


def read_object(data: str | bytes) -> Request | None:
    """The JSON object in a text message; None for everything else that anybody may send."""
    if isinstance(data, bytes):
        return None
    try:
        value = _decoder.decode(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or _too_deep(data, value) or _too_much_to_echo(data, value):
        return None
    return value


def _too_deep(text: str, value: Request) -> bool:
    """Whether arrays and objects are nested beyond the limit. Mostly a count of brackets is all that it takes."""
    if text.count("[") + text.count("{") <= spec.NESTING_LIMIT:
        return False
    level: list[Any] = [value]
    for _ in range(spec.NESTING_LIMIT):
        level = [item for outer in level for item in _items(outer) if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _items(outer: dict[str, Any] | list[Any]) -> list[Any]:
    return list(outer.values()) if isinstance(outer, dict) else outer


def _too_much_to_echo(text: str, value: Request) -> bool:
    if len(text) <= spec.ECHO_LIMIT // 6:  # every character may become the six of an escape
        return False
    return len(encode(value.get("reqid"))) + len(encode(value.get("subscription"))) > spec.ECHO_LIMIT


def read_event(profile: Profile, request: Request) -> str:
    """The event, one of those that the profile knows."""
    if "event" not in request:
        raise Refused(spec.NO_EVENT)
    event = request["event"]
    if not isinstance(event, str) or not (event in spec.EVENTS or (profile.private and event in auth.PRIVATE_EVENTS)):
        raise Refused(spec.UNSUPPORTED_EVENT)
    return event


def valid_reqid(request: Request) -> int | None:
    """The request's number if it has a good one."""
    reqid = request.get("reqid")
    return reqid if type(reqid) is int and 0 <= reqid < spec.REQID_END else None


def read_reqid(event: str, request: Request) -> int | None:
    """The request's number, None without one. A bad one is answered with an event of the request's own name."""
    reqid = valid_reqid(request)
    if reqid is None and "reqid" in request:
        about = "subscription" if event in (spec.SUBSCRIBE, spec.UNSUBSCRIBE) else event
        raise Refused(spec.BAD_REQID, f"{about}Status")
    return reqid


def read_wish(profile: Profile, request: Request) -> Wish:
    """The subscription that is asked for, and the pairs as they were spelled."""
    subscription = request.get("subscription")
    if not isinstance(subscription, dict):
        raise Refused(spec.SUBSCRIPTION_NOT_OBJECT)
    channel = _text(subscription.get("name"))
    private = profile.private and channel in auth.PRIVATE_CHANNELS
    if not (private or channel in (*spec.CHANNELS, spec.ALL_CHANNELS)):
        raise Refused(spec.BAD_NAME)
    _check_fields(profile, subscription, auth.PRIVATE_FIELDS if private else _fields(channel))
    if private:
        raise Refused(auth.channel_refusal("pair" in request))
    return Wish(channel, _read_parameter(channel, subscription), _read_pairs(request))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _fields(channel: str) -> frozenset[str]:
    return frozenset(("name", spec.PARAMETER_FIELD.get(channel, "name")))


def _check_fields(profile: Profile, subscription: Request, known: frozenset[str]) -> None:
    foreign = sorted(subscription.keys() - known)
    for field in foreign:
        if profile.names_field and field in spec.PARAMETER_FIELD.values():
            raise Refused(spec.FOREIGN_FIELD.format(name=subscription["name"], field=field))
    if foreign:
        raise Refused(spec.UNSUPPORTED_FIELD)


def _read_parameter(channel: str, subscription: Request) -> int:
    field = spec.PARAMETER_FIELD.get(channel)
    if field is None or field not in subscription:
        return 0
    value = subscription[field]
    if value is None and channel == spec.OHLC:
        raise Refused(spec.INTERVAL_NULL)
    if type(value) is not int:
        raise Refused(spec.NOT_INTEGER[channel])
    if value not in spec.PARAMETERS[channel]:
        raise Refused(spec.NOT_SUPPORTED[channel])
    return value


def _read_pairs(request: Request) -> list[Any]:
    pairs = request.get("pair", [])
    if not isinstance(pairs, list):
        raise Refused(spec.PAIR_NOT_ARRAY)
    if not pairs:
        raise Refused(spec.NO_PAIR)
    return pairs
