"""Access tokens: JWTs of half an hour, signed with HS256 (spec/rails.md 1 and 10; RFC 7515, RFC 7519).

A token names its user (`sub`) and, beside the claims that Rails' have, the key it was asked for with (`keyId`): a
revoked key ends its tokens. They are stateless, so any gateway of the venue takes them.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec
from msgspec import Struct

from polyfeed.accounts.account import Account
from polyfeed.dialects._base.context import Context
from polyfeed.dialects.rails import ids, spec
from polyfeed.dialects.rails.spec import SECOND

PURPOSE = "rails tokens"
SCHEME = "hmac"
TRADE = "trade"
_HEADER = '{"alg":"HS256","typ":"JWT"}'
_MAX_TOKEN = 4096


class Claims(Struct, frozen=True, kw_only=True):
    """What a token says. Times are seconds since the epoch."""

    iss: str
    sub: str
    aud: list[str]
    iat: int
    exp: int
    account_type: str = msgspec.field(default=spec.RETAIL, name="accountType")
    key_id: str = msgspec.field(name="keyId")


class _Header(Struct, frozen=True):
    alg: str


class Login(Struct, frozen=True):
    """Who came with a token: the account, whether it may trade, when (gateway microseconds) the token ends, its key."""

    account: Account
    trades: bool
    expires: int
    key_id: str


class Tokens:
    """Gives tokens for keys, and reads them."""

    def __init__(self, context: Context) -> None:
        self._accounts = context.accounts
        self._vault = context.vault
        self._key = context.vault.derive(PURPOSE)

    def known(self, key_id: str) -> bool:
        """Whether there is such a key."""
        found = self._accounts.key(key_id)
        return found is not None and found[1].scheme == SCHEME

    def give(self, now: int, key_id: str, secret: str) -> str | None:
        """A token for a key and its secret; None when they do not belong together."""
        found = self._accounts.key(key_id)
        if found is None or found[1].scheme != SCHEME:
            return None
        account, key = found
        try:
            held = self._vault.open(key.verifier, key_id)
        except ValueError:
            return None
        if not hmac.compare_digest(held, secret.encode("utf-8", "surrogateescape")):
            return None
        return self._issue(now, account, key_id)

    def ready(self, now: int, account: Account) -> str | None:
        """A token of the account's first key that may trade, for whoever runs the venue; None without such a key."""
        keys = (one.key_id for one in account.keys.values() if one.scheme == SCHEME and TRADE in one.permissions)
        key_id = next(keys, None)
        return None if key_id is None else self._issue(now, account, key_id)

    def _issue(self, now: int, account: Account, key_id: str) -> str:
        issued = now // SECOND
        return self.sign(
            Claims(
                iss=spec.ISSUER,
                sub=ids.uuid_of(ids.USER, account.account_id),
                aud=[spec.AUDIENCE],
                iat=issued,
                exp=issued + spec.TOKEN_SECONDS,
                account_type=account.tier or spec.RETAIL,
                key_id=key_id,
            )
        )

    def sign(self, claims: Claims) -> str:
        """The claims as a token."""
        body = f"{_base64(_HEADER.encode())}.{_base64(msgspec.json.encode(claims))}"
        return f"{body}.{_base64(self._signature(body))}"

    def read(self, now: int, token: str) -> Login | None:
        """Who a token stands for; None for one that is ill-formed, badly signed, expired, or whose key has ended."""
        body, _, signature = token.rpartition(".")
        head, dot, payload = body.partition(".")
        if not dot or len(token) > _MAX_TOKEN or not token.isascii():
            return None
        if not hmac.compare_digest(_base64(self._signature(body)), signature):
            return None
        try:
            header = msgspec.json.decode(_unbase64(head), type=_Header)
            claims = msgspec.json.decode(_unbase64(payload), type=Claims)
        except (ValueError, msgspec.MsgspecError):
            return None
        found = self._accounts.key(claims.key_id)
        if header.alg != "HS256" or spec.AUDIENCE not in claims.aud or claims.exp * SECOND <= now or found is None:
            return None
        account, key = found
        if ids.number_of(ids.USER, claims.sub) != account.account_id:
            return None
        return Login(account, TRADE in key.permissions, claims.exp * SECOND, claims.key_id)

    def _signature(self, body: str) -> bytes:
        return hmac.new(self._key, body.encode(), hashlib.sha256).digest()


def offered(header: str) -> str:
    """The sub-protocol with a token among those that a client offers, empty without one."""
    names = (name.strip() for name in header.split(","))
    return next((name for name in names if name.startswith(spec.SUBPROTOCOL_PREFIX)), "")


def bearer(header: str) -> str:
    """The token of an `Authorization` header, empty without one."""
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _unbase64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
