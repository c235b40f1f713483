"""Calls of the operator's port from the command line."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

import msgspec

from polyfeed.app.client import START_ONE
from polyfeed.app.config import load
from polyfeed.app.operator_token import operator_token

TIMEOUT_SECONDS = 10


class CallFailed(Exception):
    """The server answered with an error; the text is its own."""


def call(url: str, method: str, path: str, body: object = None) -> Any:
    """The decoded reply. Raises CallFailed for an error reply, OSError when nobody answers.

    The operator's token is that of the environment: POLYFEED_HTTP__TOKEN or POLYFEED_HTTP__TOKEN_FILE.
    """
    data = None if body is None else json.dumps(body).encode()
    token = operator_token(msgspec.structs.replace(load(None, os.environ, []).http, host="localhost"))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url.rstrip("/") + path, data, headers, method=method)
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
        raise OSError(f"no server answers at {url}: {error.reason}{START_ONE}") from error


def quoted(text: str) -> str:
    """Text as one part of a path."""
    return quote(text, safe="")
