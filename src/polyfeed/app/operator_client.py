"""Calls of the operator's port from the command line."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

TIMEOUT_SECONDS = 10


class CallFailed(Exception):
    """The server answered with an error; the text is its own."""


def call(url: str, method: str, path: str, body: object = None) -> Any:
    """The decoded reply. Raises CallFailed for an error reply, OSError when nobody answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url.rstrip("/") + path, data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            return json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            text = error.read()
        try:
            raise CallFailed(json.loads(text)["error"]) from error
        except (ValueError, KeyError, TypeError):
            raise CallFailed(f"{error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise OSError(f"no server answers at {url}: {error.reason}") from error


def quoted(text: str) -> str:
    """Text as one part of a path."""
    return quote(text, safe="")
