"""The OpenAPI 3.1 document of the native API, made from its table of endpoints."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from polyfeed import __version__
from polyfeed.app.api import schemas
from polyfeed.app.api.endpoints import Endpoint

REFERENCE = "#/components/schemas/{name}"


def document(endpoints: list[Endpoint]) -> dict[str, Any]:
    """The document."""
    types = [endpoint.reply for endpoint in endpoints]
    types += [endpoint.body for endpoint in endpoints if endpoint.body is not None]
    types.append(schemas.ProblemView)
    named, components = msgspec.json.schema_components(types, ref_template=REFERENCE)
    replies, rest = named[: len(endpoints)], iter(named[len(endpoints) :])
    paths: dict[str, dict[str, Any]] = {}
    for endpoint, reply in zip(endpoints, replies, strict=True):
        body = next(rest) if endpoint.body is not None else None
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation(endpoint, reply, body)
    return {
        "openapi": "3.1.0",
        "info": {"title": "polyfeed native API", "version": __version__},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"key": {"type": "http", "scheme": "basic"}}},
    }


def operation(endpoint: Endpoint, reply: dict[str, Any], body: dict[str, Any] | None) -> dict[str, Any]:
    """One endpoint's part."""
    status = str(endpoint.status)
    problem = {"application/json": {"schema": {"$ref": REFERENCE.format(name="ProblemView")}}}
    names = [part[1:-1] for part in endpoint.path.split("/") if part.startswith("{")]
    described: dict[str, Any] = {
        "operationId": endpoint.handler.__name__,
        "summary": endpoint.summary,
        "parameters": [
            *(parameter(name, "path") for name in names),
            *(parameter(name, "query", text) for name, text in endpoint.query.items()),
        ],
        "responses": {
            status: {
                "description": HTTPStatus(endpoint.status).phrase,
                "content": {"application/json": {"schema": reply}},
            },
            "default": {"description": "why it was not answered", "content": problem},
        },
    }
    if body is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if endpoint.access in {"read", "trade"}:
        described["security"] = [{"key": []}]
    return described


def parameter(name: str, place: str, text: str = "") -> dict[str, Any]:
    """A parameter; those in the path are required."""
    made: dict[str, Any] = {"name": name, "in": place, "required": place == "path", "schema": {"type": "string"}}
    return {**made, "description": text} if text else made
