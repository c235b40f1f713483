"""Who may log in: Ed25519 signatures of account keys, and the tokens that are given for them (spec/ekiden.md 2, 7, 11).

A token is a JWT (HS256) under a key that only the venue derives; it names its environment, its account and the key it
was given for, so it dies with that key. A signature counts once: the server remembers the nonces of the time in which
a timestamp is fresh.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec
from msgspec import Struct

from polyfeed.accounts.account import Account
from polyfeed.dialects._base.context import Context
from polyfeed.dialects.ekiden import spec
from polyfeed.dialects.ekiden.ids import account_address, account_number
from polyfeed.dialects.ekiden.signatures import AuthRefused, Signed, is_signed
from polyfeed.model.events import KeySet

_HEADER = urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=").decode()
_NONCES = 100_000
"""Nonces that are remembered at most; when there are more nobody can log in until some are old."""


class Login(Struct, frozen=True):
    """Somebody who is logged in: whose account, by which key, until when (None for as long as the key)."""

    account: int
    key_id: str
    expires: int | None = None


class Claims(Struct, frozen=True):
    """What a token says; times are seconds."""

    iss: str
    sub: str
    key: str
    iat: int
    exp: int


class Authority:
    """Checks signatures and gives tokens, as of the last batch."""

    def __init__(self, context: Context, environment: str) -> None:
        self._accounts = context.accounts
        self._environment = environment
        self._secret = context.vault.derive(spec.TOKEN_PURPOSE)
        self._nonces: dict[tuple[str, str], int] = {}

    def verify(self, now: int, signed: Signed) -> Login:
        """The login that a signature is good for, once. Raises AuthRefused."""
        key_id = signed.public_key.lower().removeprefix("0x")
        found = self._key(key_id)
        if found is None:
            raise AuthRefused(spec.INVALID_SIGNATURE, "unknown public key")
        if abs(now - signed.timestamp_ms * 1000) > spec.FRESH:
            raise AuthRefused(
                spec.INVALID_SIGNATURE,
                f"timestamp_ms is not within {spec.FRESH // spec.SECOND} s of the server's time, {now // 1000}",
                spec.ERROR_EXPIRED,
            )
        if not 0 < len(signed.nonce) <= spec.NONCE_LENGTH:
            raise AuthRefused(spec.INVALID_SIGNATURE, f"nonce must have 1 to {spec.NONCE_LENGTH} characters")
        account, key = found
        if not is_signed(key.verifier, signed.signature, signed.message):
            raise AuthRefused(spec.INVALID_SIGNATURE, f"the signature is not this key's over {signed.message!r}")
        self._use(now, key_id, signed.nonce)
        return Login(account.account_id, key_id)

    def token(self, now: int, login: Login) -> str:
        """A token for seven days."""
        seconds = now // spec.SECOND
        claims = Claims(
            self._environment,
            account_address(login.account),
            login.key_id,
            seconds,
            seconds + spec.TOKEN_LIFE // spec.SECOND,
        )
        body = f"{_HEADER}.{_packed(msgspec.json.encode(claims))}"
        return f"{body}.{_packed(self._mac(body))}"

    def read_token(self, now: int, token: str) -> Login:
        """The login that a token stands for. Raises AuthRefused."""
        body, _, mac = token.rpartition(".")
        try:
            given = _unpacked(mac)
            header, _, payload = body.partition(".")
            if header != _HEADER or not hmac.compare_digest(given, self._mac(body)):
                raise ValueError(token)
            claims = msgspec.json.decode(_unpacked(payload), type=Claims)
        except (ValueError, msgspec.MsgspecError) as error:
            raise AuthRefused(spec.INVALID_TOKEN, "the token is not one of ours") from error
        account = account_number(claims.sub)
        if claims.iss != self._environment or account is None:
            raise AuthRefused(spec.INVALID_TOKEN, "the token is one of another environment")
        login = Login(account, claims.key, claims.exp * spec.SECOND)
        if now >= claims.exp * spec.SECOND:
            raise AuthRefused(spec.TOKEN_EXPIRED, "the token is older than seven days", spec.ERROR_EXPIRED)
        if not self._stands(login):
            raise AuthRefused(spec.INVALID_TOKEN, "the key of the token was revoked")
        return login

    def _stands(self, login: Login) -> bool:
        """Whether the key that somebody logged in by is still the account's."""
        found = self._key(login.key_id)
        return found is not None and found[0].account_id == login.account

    def may(self, login: Login, permission: str) -> bool:
        """Whether the key that somebody logged in by is still the account's, and has a permission."""
        found = self._key(login.key_id)
        return found is not None and self._stands(login) and permission in found[1].permissions

    def user_id(self, login: Login) -> str:
        """The user of a login: the account's address."""
        return account_address(login.account)

    def accounts_of(self, login: Login) -> list[int]:
        """The account that somebody logged in to and its sub-accounts, by number."""
        own = login.account
        return [own, *(one.account_id for one in self._accounts.all() if one.parent == own and one.account_id != own)]

    def _key(self, key_id: str) -> tuple[Account, KeySet] | None:
        found = self._accounts.key(key_id)
        return found if found is not None and found[1].scheme == spec.KEY_SCHEME else None

    def _use(self, now: int, key_id: str, nonce: str) -> None:
        """Takes a nonce that was not used while its timestamp could be fresh."""
        nonces = self._nonces
        if nonces.get((key_id, nonce), 0) >= now:
            raise AuthRefused(spec.INVALID_SIGNATURE, "this nonce was used before")
        while nonces and (len(nonces) >= _NONCES or next(iter(nonces.values())) < now):
            oldest = next(iter(nonces))
            if nonces[oldest] >= now:
                raise AuthRefused(spec.INVALID_SIGNATURE, "too many logins at once; try again in a minute")
            del nonces[oldest]
        nonces.pop((key_id, nonce), None)
        nonces[key_id, nonce] = now + 2 * spec.FRESH

    def _mac(self, body: str) -> bytes:
        return hmac.new(self._secret, body.encode(), hashlib.sha256).digest()


def _packed(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _unpacked(text: str) -> bytes:
    """Raises ValueError for what `_packed` never writes, however it might be read."""
    data = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if _packed(data) != text:
        raise ValueError(text)
    return data
