"""The dialect as an AsyncAPI 3.0 document, made from its own tables; served at /asyncapi.json."""

from __future__ import annotations

from functools import cache
from typing import Any

from polyfeed.dialects.rails import schemas, spec
from polyfeed.dialects.rails.schemas import Schema, record

_CHANNEL = "#/channels/socket"


@cache
def document() -> dict[str, Any]:
    """The whole document: one channel, an operation for each request and for each stream."""
    messages = {**_requests(), **_results()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Rails WebSocket v2",
            "version": "2.0.0",
            "description": "Market data, order entry and fills over one authenticated socket, as Rails speaks it.",
        },
        "defaultContentType": "application/json",
        "channels": {"socket": _channel(messages)},
        "operations": {**_request_operations(), **_stream_operations()},
        "components": {
            "messages": messages,
            "schemas": schemas.COMPONENTS,
            "securitySchemes": {
                "token": {
                    "type": "httpApiKey",
                    "in": "header",
                    "name": "Sec-WebSocket-Protocol",
                    "description": f"{spec.SUBPROTOCOL_PREFIX}<token>, echoed whole. Tokens: POST /api/v1/token.",
                }
            },
        },
    }


def _channel(messages: dict[str, Any]) -> dict[str, Any]:
    return {
        "address": "/",
        "description": "The connection; its market and streams are query parameters.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {
            "ws": {
                "method": "GET",
                "query": record(
                    {
                        "market": {"type": "string", "description": f"A market, or {spec.ALL_MARKETS}."},
                        "subscriptions": {
                            "type": "string",
                            "default": ",".join(spec.DEFAULT_STREAMS),
                            "description": f"Comma separated, of {', '.join(spec.STREAMS)}.",
                        },
                        "cancelOnDisconnect": {"type": "string", "enum": ["true", "false"], "default": "false"},
                    },
                    ("market",),
                ),
                "bindingVersion": "0.1.0",
            }
        },
    }


def _requests() -> dict[str, Any]:
    return {
        f"{name}Request": _message(name, _request_payload(name, request)) for name, request in spec.REQUESTS.items()
    }


def _request_payload(name: str, request: spec.Request) -> Schema:
    fields, required = schemas.CONTENT[name]
    content: dict[str, Schema] = {"clientRequestId": schemas.UUID}
    if request.scoped:
        content["market"] = schemas.TEXT
    envelope = {"message": {"type": "string", "const": name}, "content": record({**content, **fields}, required)}
    return record(envelope, ("message", "content") if required else ("message",))


def _results() -> dict[str, Any]:
    return {result: _message(result, _result_payload(result)) for result in schemas.DATA}


def _result_payload(result: str) -> Schema:
    fields = {"resultType": {"type": "string", "const": result}, "market": schemas.TEXT, "data": schemas.DATA[result]}
    return record(fields, ("resultType", "data"))


def _message(name: str, payload: Schema) -> dict[str, Any]:
    return {"name": name, "contentType": "application/json", "payload": payload}


def _request_operations() -> dict[str, Any]:
    return {
        name: {
            "action": "receive",
            "channel": {"$ref": _CHANNEL},
            "summary": f"Needs the stream {request.stream}." if request.stream else "Needs no stream.",
            "messages": [{"$ref": f"{_CHANNEL}/messages/{name}Request"}],
            "reply": {
                "channel": {"$ref": _CHANNEL},
                "messages": [{"$ref": f"{_CHANNEL}/messages/{request.result}"}],
            },
        }
        for name, request in spec.REQUESTS.items()
    }


def _stream_operations() -> dict[str, Any]:
    return {
        f"{stream}Stream": {
            "action": "send",
            "channel": {"$ref": _CHANNEL},
            "summary": f"The stream {stream}.",
            "messages": [{"$ref": f"{_CHANNEL}/messages/{result}"} for result in results],
        }
        for stream, results in schemas.EVENTS.items()
    }
