"""Reads what a client sent and finds what is wrong with it, in this order:

    JSON -> is an object -> req_id -> op -> (session.py) args or ts -> each topic (topics.py)

JSON is read with the standard library, because integers must stay exact whatever their length: `ts` is beyond 2^53.
"""

from __future__ import annotations

import json
from typing import Any

from polyfeed.dialects.ekiden import spec
from polyfeed.dialects.ekiden.wire import ReqId

Request = dict[str, Any]


class Refused(Exception):
    """A request is refused with this message."""


def _no_constant(name: str) -> float:
    raise ValueError(name)


_decoder = json.JSONDecoder(parse_constant=_no_constant)


def read_object(data: str | bytes) -> Request:
    """The JSON object in a text message. Raises Refused for everything else that anybody may send."""
    if isinstance(data, bytes):
        raise Refused(spec.INVALID_JSON)
    try:
        value = _decoder.decode(data)
    except (ValueError, RecursionError):
        raise Refused(spec.INVALID_JSON) from None
    if not isinstance(value, dict):
        raise invalid("a message is an object")
    return value


def read_req_id(request: Request) -> ReqId:
    """The request's id, None without one. Raises Refused for one that cannot be repeated."""
    req_id = request.get("req_id")
    if req_id is None:
        return None
    if isinstance(req_id, str) and len(req_id) <= spec.REQ_ID_LENGTH:
        return req_id
    if type(req_id) is int and abs(req_id) < 10**spec.REQ_ID_LENGTH:
        return req_id
    raise invalid(f"req_id must be a string or an integer of at most {spec.REQ_ID_LENGTH} characters")


def read_op(request: Request) -> str:
    """The operation. Raises Refused without one."""
    op = request.get("op")
    if not isinstance(op, str):
        raise invalid("op must be a string")
    return op


def read_args(request: Request) -> list[str]:
    """The topics, each once, in their order. Raises Refused."""
    args = request.get("args")
    if not isinstance(args, list) or not args or not all(isinstance(arg, str) for arg in args):
        raise invalid("args must be a non-empty array of strings")
    if len(args) > spec.MAX_ARGS:
        raise invalid(f"args must have at most {spec.MAX_ARGS} topics")
    return list(dict.fromkeys(args))


def read_ts(request: Request) -> int | None:
    """The client's time, in whatever unit it counts; None without one. Raises Refused."""
    ts = request.get("ts")
    if ts is None:
        return None
    if type(ts) is not int or not 0 <= ts < spec.U64_END:
        raise invalid("ts must be an integer from 0 to 2^64 - 1")
    return ts


def invalid(why: str) -> Refused:
    """A request that does not have the form it must have."""
    return Refused(f"{spec.INVALID_REQUEST}: {why}")
