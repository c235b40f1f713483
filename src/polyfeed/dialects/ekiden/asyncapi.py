"""The dialect as an AsyncAPI 3.0 document, made from its own tables; served at /asyncapi.json."""

from __future__ import annotations

from functools import cache
from typing import Any

from polyfeed.dialects.ekiden import schemas, spec
from polyfeed.dialects.ekiden.schemas import MS, OPTIONAL, REQ_ID, Schema, record

PUBLIC, PRIVATE = "public", "private"

PUBLIC_TOPICS = {
    spec.ORDERBOOK: "orderbook.<depth>.<symbol>",
    spec.TRADE: "trade.<symbol>",
    spec.TICKER: "ticker.<symbol>",
    spec.KLINE: "kline.<interval>.<symbol>",
    spec.LIQUIDATIONS: "all_liquidations.<symbol>",
    spec.POOL: "insurance_pool.<symbol>",
    spec.ADL: "adl_alert.<symbol>",
}
"""How the topics of each public channel look; those of a private one are its name."""

PRIVATE_TOPICS = {name: name for name in (spec.ORDER, spec.EXECUTION, spec.POSITION, spec.BALANCE)}

_PRIVATE_OPS = (spec.AUTH, spec.AUTH_API_KEY)


LATER = (spec.POOL, spec.ADL)


@cache
def document(*, later: bool) -> dict[str, Any]:
    """The whole document: a channel for each socket, an operation for each request and each topic; `later` says that
    the topics of the later revision are on."""
    public = {name: form for name, form in PUBLIC_TOPICS.items() if later or name not in LATER}
    messages = {**_requests(), **_replies(), **_events({**public, **PRIVATE_TOPICS})}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Ekiden WebSocket streams",
            "version": "1.0.0",
            "description": "Market data and a user's own orders, executions, positions and balances.",
        },
        "defaultContentType": "application/json",
        "channels": {
            PUBLIC: _channel(spec.PUBLIC_PATH, PUBLIC, public, messages),
            PRIVATE: _channel(spec.PRIVATE_PATH, PRIVATE, PRIVATE_TOPICS, messages),
        },
        "operations": {**_request_operations(), **_event_operations({PUBLIC: public, PRIVATE: PRIVATE_TOPICS})},
        "components": {"messages": messages},
    }


def _channel(path: str, socket: str, topics: dict[str, str], messages: dict[str, Any]) -> dict[str, Any]:
    names = [_request_name(op) for op in _ops(socket)]
    names += [_reply_name(op) for op in schemas.REPLIES if socket == PRIVATE or op != spec.AUTH]
    names += [_event_name(channel) for channel in topics]
    return {
        "address": path,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names if name in messages},
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
    }


def _ops(socket: str) -> list[str]:
    return [op for op in schemas.REQUESTS if socket == PRIVATE or op not in _PRIVATE_OPS]


def _requests() -> dict[str, Any]:
    return {_request_name(op): _message(op, _envelope(op, fields)) for op, fields in schemas.REQUESTS.items()}


def _replies() -> dict[str, Any]:
    return {_reply_name(op): _message(op, _envelope(op, fields)) for op, fields in schemas.REPLIES.items()}


def _envelope(op: str, fields: dict[str, Schema]) -> Schema:
    optional = OPTIONAL if op != "error" else ("req_id",)
    return record({"op": {"type": "string", "const": op}, **fields, "req_id": REQ_ID}, optional)


def _events(topics: dict[str, str]) -> dict[str, Any]:
    return {_event_name(channel): _message(form, _event(channel)) for channel, form in topics.items()}


def _event(channel: str) -> Schema:
    fields: dict[str, Schema] = {
        "op": {"type": "string", "const": "event"},
        "topic": {"type": "string", "pattern": rf"^{channel}(\.|$)"},
        "server_ts_ms": MS,
    }
    if channel == spec.ORDERBOOK:
        fields["type"] = {"type": "string", "enum": ["snapshot", "delta"]}
    return record({**fields, "data": schemas.DATA[channel]})


def _message(title: str, payload: Schema) -> dict[str, Any]:
    return {"title": title, "contentType": "application/json", "payload": payload}


def _request_operations() -> dict[str, Any]:
    answers = {
        spec.SUBSCRIBE: "subscribed",
        spec.UNSUBSCRIBE: "unsubscribed",
        spec.PING: "pong",
        spec.AUTH: "auth",
        spec.AUTH_API_KEY: "auth",
    }
    return {
        f"{socket}_{op}": {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{socket}"},
            "messages": [_reference(socket, _request_name(op))],
            "reply": {
                "channel": {"$ref": f"#/channels/{socket}"},
                "messages": [_reference(socket, _reply_name(answers[op])), _reference(socket, _reply_name("error"))],
            },
        }
        for socket in (PUBLIC, PRIVATE)
        for op in _ops(socket)
    }


def _event_operations(sockets: dict[str, dict[str, str]]) -> dict[str, Any]:
    return {
        f"send_{channel}": {
            "action": "send",
            "channel": {"$ref": f"#/channels/{socket}"},
            "messages": [_reference(socket, _event_name(channel))],
        }
        for socket, topics in sockets.items()
        for channel in topics
    }


def _reference(socket: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{socket}/messages/{name}"}


def _request_name(op: str) -> str:
    return f"{op}Request"


def _reply_name(op: str) -> str:
    return f"{op}Reply"


def _event_name(channel: str) -> str:
    return f"{channel}Event"
