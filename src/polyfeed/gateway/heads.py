"""The heads of HTTP requests, read in one way for calls and for WebSocket handshakes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import h11

FORWARDED = b"x-forwarded-for"


def header_map(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name. One that comes twice is one list (RFC 9110 section 5.3).

    So a second Authorization or Origin makes the header something that matches nothing, and is never chosen from.
    """
    headers: dict[str, str] = {}
    for name, value in items:
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def joined(values: list[str]) -> str | None:
    """The values of one header as `header_map` has them, None where there is none."""
    return ", ".join(values) if values else None


def forwarded(scope: Mapping[str, Any]) -> list[str]:
    """The lines of X-Forwarded-For of an ASGI request."""
    return [value.decode("latin-1") for name, value in scope["headers"] if name == FORWARDED]


def ambiguous(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request has two lengths, which different readers may take for different bodies (RFC 9112 6.1)."""
    names = [name for name, _ in headers]
    return b"transfer-encoding" in names and b"content-length" in names


class Malformed(Exception):
    """What came is no request, or none that is taken. `status` says which of the two, the exception's text why."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class RequestReader(h11.Connection):
    """h11's reader, which bounds heads in whatever pieces they come. It bounds by itself those only that are not whole
    yet, and what is read from a socket at once may be larger.
    """

    def __init__(self, head_bytes: int) -> None:
        super().__init__(h11.SERVER, head_bytes)
        self._head_bytes = head_bytes

    def next_event(self) -> Any:
        """As h11's. Raises Malformed."""
        try:
            event = super().next_event()
        except h11.RemoteProtocolError as error:
            if error.error_status_hint == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
                raise self._too_large() from error
            raise Malformed(HTTPStatus.BAD_REQUEST, "this is no HTTP request") from error
        if isinstance(event, h11.Request) and size_of(event) > self._head_bytes:
            raise self._too_large()
        return event

    def _too_large(self) -> Malformed:
        return Malformed(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"a head has {self._head_bytes} bytes at most")


def size_of(request: h11.Request) -> int:
    """The bytes of a request's head."""
    line = len(request.method) + len(request.target) + len(b"  HTTP/1.1\r\n\r\n")
    return line + sum(len(name) + len(value) + len(b": \r\n") for name, value in request.headers)
