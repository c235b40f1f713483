"""One table of endpoints makes the router and the OpenAPI document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from polyfeed.accounts.account import Account
from polyfeed.model.numbers import parse_scaled

if TYPE_CHECKING:
    from polyfeed.app.server import Server

Access = Literal["open", "operator", "read", "trade"]
"""Who may call: anybody, who reaches the operator's port with a program, or a key with that permission."""


class Problem(Exception):
    """A call that cannot be answered: an HTTP status, a sentence for whoever reads it, and headers beside it."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] = {}) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


class Call(NamedTuple):
    """One call: values from the path, from the query (as text), the decoded body, and the key's account."""

    server: Server
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    caller: Account | None

    @property
    def account(self) -> Account:
        """The account of the key that the call came with."""
        if self.caller is None:
            raise RuntimeError("an endpoint without a key has no account")
        return self.caller


Handler = Callable[[Call], Awaitable[Any]]


class Endpoint(NamedTuple):
    """A method and a path with `{names}`; what it takes and gives, for the document and for decoding."""

    method: str
    path: str
    summary: str
    handler: Handler
    reply: Any
    access: Access
    body: type[Struct] | None = None
    query: Mapping[str, str] = {}
    status: int = 200


class Router:
    """Finds the endpoint of a method and path."""

    def __init__(self, endpoints: list[Endpoint]) -> None:
        self.endpoints = endpoints
        self._split = [(endpoint, endpoint.path.split("/")) for endpoint in endpoints]

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
        """The endpoint and the values in its path, which is still percent-encoded.

        Raises Problem 404, or 405 naming the methods there are.
        """
        parts = path.split("/")
        methods = []
        for endpoint, pattern in self._split:
            values = match(pattern, parts)
            if values is None:
                continue
            if endpoint.method == method:
                return endpoint, values
            methods.append(endpoint.method)
        if methods:
            known = ", ".join(methods)
            raise Problem(405, f"{method} is not a method of {path}; there are {known}", {"allow": known})
        raise Problem(404, f"there is no {path}; /openapi.json describes what there is")


def match(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    """The values of a pattern's `{names}`, None where the path is another."""
    if len(pattern) != len(parts):
        return None
    values: dict[str, str] = {}
    for want, part in zip(pattern, parts, strict=True):
        if want.startswith("{"):
            values[want[1:-1]] = unquote(part)
        elif want != part:
            return None
    return values


LONGEST_NUMBER = 19
"""Digits."""


def number_in(text: str, longest: int = LONGEST_NUMBER) -> int | None:
    """A whole number in a path, None for any other text."""
    return int(text) if text.isdecimal() and len(text) <= longest else None


NUMBER_END = 2**62
"""The venue counts nothing from here on."""


def scaled(name: str, text: str, scale: int) -> int:
    """A decimal text as an integer, 0 for none. Raises Problem 400 that names the field."""
    if not text:
        return 0
    try:
        value = parse_scaled(text, scale)
    except ValueError as error:
        raise Problem(400, f"{name}: {error}") from error
    if abs(value) >= NUMBER_END:
        raise Problem(400, f"{name}: {text!r} is more than can be counted")
    return value


def decode(endpoint: Endpoint, body: bytes) -> Any:
    """The body as the endpoint's type. Raises Problem 400 that says what does not fit, and where."""
    if endpoint.body is None:
        return None
    try:
        return msgspec.json.decode(body or b"{}", type=endpoint.body)
    except msgspec.MsgspecError as error:
        raise Problem(400, f"the body does not fit: {error}") from error
    except UnicodeDecodeError as error:
        raise Problem(400, "the body is not UTF-8") from error
