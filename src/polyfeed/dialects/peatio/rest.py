"""HTTP on this port: there is none. Rango answers whatever is no handshake like this (sheet 1)."""

from __future__ import annotations

from polyfeed.dialects._base.rest import RestResponse

BAD_REQUEST = RestResponse(400, b"Bad Request\n", "text/plain; charset=utf-8", {"Sec-Websocket-Version": "13"})

FORBIDDEN = RestResponse(403, b"Forbidden\n", "text/plain; charset=utf-8")
"""The refusal of a page of a foreign origin."""


def unauthorized(reason: str) -> RestResponse:
    """The refusal of a handshake on /private: no body, as Rango's, but the reason in a header (RFC 6750 section 3)."""
    words = reason.replace("\\", "").replace('"', "'").encode("ascii", "replace").decode()
    plain = "".join(char for char in words if char.isprintable())[:200]
    return RestResponse(
        401,
        b"",
        "text/plain; charset=utf-8",
        {"WWW-Authenticate": f'Bearer error="invalid_token", error_description="{plain}"'},
    )
