"""The heads of HTTP requests, read in one way for calls and for WebSocket handshakes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

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
