"""Signs calls as Bitstamp's own sample does. It knows nothing of polyfeed but the shape of a request."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
from typing import Any
from urllib.parse import urlencode

from polyfeed.dialects._base.rest import RestRequest, RestResponse
from tests.dialects.bitstamp.desk import VenueDesk

FORM = "application/x-www-form-urlencoded"
_nonces = itertools.count()


def signed(
    desk: VenueDesk, key: str, path: str, form: dict[str, Any] | None = None, secret: str = "", **changes: Any
) -> RestRequest:
    """A signed POST; `changes` replace headers (None leaves one out), `host`, `nonce`, `signed_host`, `method`."""
    body = urlencode(form).encode() if form else b""
    full, host = f"/api/v2/{path}", changes.pop("host", "127.0.0.1:9002")
    method, query = changes.pop("method", "POST"), changes.pop("query", "")
    nonce = changes.pop("nonce", "") or f"{next(_nonces):036x}"
    timestamp = changes.pop("timestamp", "") or str(desk.now // 1000)
    content_type = FORM if body else ""
    text = f"BITSTAMP {key}{method}{changes.pop('signed_host', host)}{full}{query}{content_type}{nonce}{timestamp}v2"
    signature = hmac.new((secret or key).encode(), text.encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "host": host,
        "x-auth": f"BITSTAMP {key}",
        "x-auth-signature": signature,
        "x-auth-nonce": nonce,
        "x-auth-timestamp": timestamp,
        "x-auth-version": "v2",
    }
    if content_type:
        headers["content-type"] = content_type
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    kept = {name: value for name, value in headers.items() if value is not None}
    return RestRequest(method, full, {}, kept, body, query.removeprefix("?"))


def post(desk: VenueDesk, key: str, path: str, **form: Any) -> Any:
    """The JSON that a signed call is answered with."""
    return json.loads(answer(desk, key, path, **form).body)


def answer(desk: VenueDesk, key: str, path: str, **form: Any) -> RestResponse:
    """The response to a signed call."""
    return desk.call(signed(desk, key, path, form))


def token(desk: VenueDesk, key: str) -> str:
    """A token for private channels."""
    return str(post(desk, key, "websockets_token/")["token"])
