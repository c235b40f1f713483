"""Signatures of REST calls, HMAC v2 (spec/bitstamp.md 5; the table of errors is the OpenAPI file's).

The text that is signed: "BITSTAMP " and the key, the method, host, path, query, content type, nonce, timestamp, "v2",
body, without anything between them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from typing import NamedTuple

from polyfeed.accounts.account import Account
from polyfeed.accounts.accounts import Accounts
from polyfeed.accounts.vault import Vault
from polyfeed.dialects._base.rest import RestRequest
from polyfeed.dialects.bitstamp.nonces import Nonces
from polyfeed.model.events import KeySet

ERRORS = {
    "API0001": "API key not found",
    "API0002": "IP address not allowed",
    "API0003": "No permission found",
    "API0004": "Invalid nonce",
    "API0005": "Invalid signature",
    "API0006": "Your account is frozen",
    "API0008": "Authentication failed",
    "API0010": "Invalid version",
    "API0011": "Wrong API key format",
    "API0012": "X-Auth header is required",
    "API0013": "X-Auth-Signature header is required",
    "API0014": "X-Auth-Nonce header is required",
    "API0015": "X-Auth-Timestamp header is required",
    "API0016": "X-Auth-Version header is required",
    "API0017": "X-Auth-Timestamp header is out of boundaries",
    "API0018": "X-Auth-Timestamp header is invalid",
    "API0019": "Content-Type header is not accepted",
    "API0020": "Content-Type header should not be present",
    "API0021": "Please make sure url query string is not too long",
}

SCHEME = "hmac"
"""The scheme of the keys that sign so."""

TIMEFRAME_MS = 150_000
URL_LIMIT = 2000
VERSION = "v2"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"

_HEADERS = (
    ("x-auth", "API0012"),
    ("x-auth-signature", "API0013"),
    ("x-auth-nonce", "API0014"),
    ("x-auth-timestamp", "API0015"),
    ("x-auth-version", "API0016"),
)
_KEY = re.compile(r"BITSTAMP ([!-~]{1,128})")
_NONCE = re.compile(r"[0-9a-z-]{36}")
_MILLISECONDS = re.compile(r"[0-9]{1,15}")


class AuthRefused(Exception):
    """The call is answered with this error."""

    def __init__(self, code: str) -> None:
        super().__init__(ERRORS[code])
        self.code = code


class Caller(NamedTuple):
    """Who signed a call, and what the response's signature needs."""

    account: Account
    key: KeySet
    secret: bytes
    nonce: str
    timestamp: str

    def server_signature(self, content_type: str, body: bytes) -> str:
        """X-Server-Auth-Signature of a response."""
        return signature(self.secret, f"{self.nonce}{self.timestamp}{content_type}".encode() + body)


class Authenticator:
    """Checks the headers of calls. `public_host` may be signed for besides the host that was called."""

    def __init__(self, accounts: Accounts, vault: Vault, public_host: str) -> None:
        self._accounts = accounts
        self._vault = vault
        self._public_host = public_host
        self._nonces = Nonces(2 * TIMEFRAME_MS * 1000)

    def check(self, now: int, request: RestRequest, permission: str) -> Caller:
        """Who called; `now` in microseconds. Raises AuthRefused.

        A nonce counts as used only where the signature is good: nobody can use up another's.
        """
        headers = request.headers
        for name, code in _HEADERS:
            if not headers.get(name):
                raise AuthRefused(code)
        if headers["x-auth-version"] != VERSION:
            raise AuthRefused("API0010")
        _check_form(request)
        milliseconds = _check_time(now, headers["x-auth-timestamp"])
        nonce = headers["x-auth-nonce"]
        if _NONCE.fullmatch(nonce) is None:
            raise AuthRefused("API0004")
        account, key, secret = self._find(headers["x-auth"])
        caller = Caller(account, key, secret, nonce, headers["x-auth-timestamp"])
        if not self._signed(caller, request):
            raise AuthRefused("API0005")
        if not self._nonces.take(now, f"{key.key_id}\0{nonce}", milliseconds):
            raise AuthRefused("API0004")
        if permission not in key.permissions:
            raise AuthRefused("API0003")
        return caller

    def _find(self, header: str) -> tuple[Account, KeySet, bytes]:
        match = _KEY.fullmatch(header)
        if match is None:
            raise AuthRefused("API0011")
        found = self._accounts.key(match[1])
        if found is None:
            raise AuthRefused("API0001")
        account, key = found
        if key.scheme != SCHEME:
            raise AuthRefused("API0008")
        try:
            return account, key, self._vault.open(key.verifier, key.key_id)
        except ValueError as error:
            raise AuthRefused("API0008") from error

    def _signed(self, caller: Caller, request: RestRequest) -> bool:
        given = request.headers["x-auth-signature"].lower().encode()
        good = False
        for text in self._texts(caller, request):
            good |= hmac.compare_digest(signature(caller.secret, text).encode(), given)
        return good

    def _texts(self, caller: Caller, request: RestRequest) -> Iterator[bytes]:
        """What may have been signed: clients differ in what they take for the host, and some write the `?`."""
        before = f"BITSTAMP {caller.key.key_id}{request.method}"
        after = f"{request.headers.get('content-type', '')}{caller.nonce}{caller.timestamp}{VERSION}".encode()
        host = request.headers.get("host", "")
        hosts = dict.fromkeys((host, _without_port(host), f"http://{host}", f"https://{host}", self._public_host))
        queries = (request.raw_query, f"?{request.raw_query}") if request.raw_query else ("",)
        for name in hosts:
            for query in queries:
                yield f"{before}{name}{request.path}{query}".encode() + after + request.body


def signature(secret: bytes, text: bytes) -> str:
    """HMAC-SHA256 in hexadecimal."""
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def _check_form(request: RestRequest) -> None:
    """Whether URL and content type are such as are taken."""
    content_type = request.headers.get("content-type")
    if len(request.path) + len(request.raw_query) > URL_LIMIT:
        raise AuthRefused("API0021")
    if not request.body:
        if content_type:
            raise AuthRefused("API0020")
    elif (content_type or "").partition(";")[0].strip() not in (FORM, JSON):
        raise AuthRefused("API0019")


def _check_time(now: int, text: str) -> int:
    if _MILLISECONDS.fullmatch(text) is None:
        raise AuthRefused("API0018")
    milliseconds = int(text)
    if abs(milliseconds - now // 1000) > TIMEFRAME_MS:
        raise AuthRefused("API0017")
    return milliseconds


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
