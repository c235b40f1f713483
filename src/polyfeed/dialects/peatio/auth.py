"""Tokens: who a client is (sheet 2).

Signatures are PyJWT's matter; claims are judged here, because time is an argument. The two rule sets are those of the
originals: Ruby's wants `jti` and `sub: session` and checks issuer and audience where they are configured; Go's takes a
token without `jti` but wants `aud` to be an array, and one without `uid` is nobody's.
"""

from __future__ import annotations

import json
import math
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec import Struct

from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.jwks import KeyRing
from polyfeed.dialects.peatio.keys import TokenKey, read_key
from polyfeed.dialects.peatio.settings import PeatioSettings

SESSION = "session"
TOKEN_SECONDS = 3600
"""How long a token of Barong's lives (sheet 2, JWT)."""


class Rejected(Exception):
    """A token is not accepted; the text says why."""


class Identity(Struct, frozen=True):
    """Who a client is: empty for somebody nobody knows. `expires` is in microseconds, None for never."""

    uid: str = ""
    role: str = ""
    expires: int | None = None


ANONYMOUS = Identity()


class Leeway(Struct, frozen=True):
    """Seconds by which a time claim may be missed: that of its own variable, or the one for all (sheet 2)."""

    expires: int
    begins: int
    issued: int

    @classmethod
    def of(cls, settings: PeatioSettings) -> Leeway:
        """What the settings come to."""
        own = settings.jwt_expiration_leeway, settings.jwt_not_before_leeway, settings.jwt_issued_at_leeway
        return cls(*(settings.jwt_leeway if one == "" else one for one in own))


class Verifier:
    """Checks tokens by the rules of one set of settings."""

    def __init__(self, settings: PeatioSettings) -> None:
        self.ring = KeyRing() if settings.jwks_url else None
        self._settings = settings
        self._key = restricted(read_key(settings.jwt_public_key, settings.jwt_secret), settings)
        self._ruby = spec.PROFILES[settings.profile].claims == "ruby"
        self._leeway = Leeway.of(settings)
        self._issuer = settings.jwt_issuer
        self._audience = frozenset(filter(None, map(str.strip, settings.jwt_audience.split(","))))

    def identify(self, token: str, now: int) -> Identity:
        """Who holds the token at `now` (microseconds). Raises Rejected."""
        claims = self._claims(token)
        seconds = now / spec.SECOND
        self._check_times(claims, seconds)
        if self._ruby:
            self._check_ruby(claims)
        else:
            check_go(claims)
        uid, role = claims.get("uid"), claims.get("role")
        if not isinstance(uid, str | None) or not isinstance(role, str | None):
            raise Rejected("uid and role must be strings")
        if not uid and not self._ruby:
            raise Rejected("the token has no uid")
        expires = claims.get("exp")
        deadline = None if expires is None else int((expires + self._leeway.expires) * spec.SECOND)
        return Identity(uid or "", role or "", deadline)

    def _claims(self, token: str) -> dict[str, Any]:
        key = self._key if self.ring is None else restricted(self.ring.find(token), self._settings)
        if key is None:
            text = "no key is configured (jwt_public_key)" if self.ring is None else "the token names no key we know"
            raise Rejected(text)
        try:
            payload = jwt.PyJWS(key.algorithms).decode(token, key.key, list(key.algorithms))
            claims = json.loads(payload)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise Rejected(f"the token cannot be verified: {error}") from error
        if not isinstance(claims, dict):
            raise Rejected("the token holds no claims")
        return claims

    def _check_times(self, claims: dict[str, Any], now: float) -> None:
        expires, begins, issued = (number(claims, name) for name in ("exp", "nbf", "iat"))
        if expires is not None and expires + self._leeway.expires <= now:
            raise Rejected("the token has expired")
        if begins is not None and begins - self._leeway.begins > now:
            raise Rejected("the token is not valid yet (nbf)")
        if issued is not None and issued - self._leeway.issued > now:
            raise Rejected("the token was issued in the future (iat)")

    def _check_ruby(self, claims: dict[str, Any]) -> None:
        if not claims.get("jti"):
            raise Rejected("the token has no jti")
        if claims.get("sub") != SESSION:
            raise Rejected(f"sub is not {SESSION!r}")
        if self._issuer and claims.get("iss") != self._issuer:
            raise Rejected("iss is another one")
        given = claims.get("aud")
        audiences = given if isinstance(given, list) else [given]
        if self._audience and not any(isinstance(one, str) and one in self._audience for one in audiences):
            raise Rejected("aud is another one")


def restricted(key: TokenKey | None, settings: PeatioSettings) -> TokenKey | None:
    """The key with the algorithms that the profile, or the settings, allow an RSA key."""
    if key is None or "RS256" not in key.algorithms:
        return key
    if settings.jwt_algorithm:
        return TokenKey(key.key, (settings.jwt_algorithm,))
    ruby = spec.PROFILES[settings.profile].claims == "ruby"
    return TokenKey(key.key, ("RS256",)) if ruby else key


def number(claims: dict[str, Any], name: str) -> float | None:
    """A time claim in seconds, None when it is not there."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Rejected(f"{name} is no number")
    if abs(value) > 1e12:
        raise Rejected(f"{name} is no time")
    return value


def check_go(claims: dict[str, Any]) -> None:
    """What Rango's reading of the claims refuses (sheet 2): an `aud` that is no array, a level that is no number."""
    audience = claims.get("aud")
    if audience is not None and not (isinstance(audience, list) and all(isinstance(one, str) for one in audience)):
        raise Rejected("aud must be an array of strings")
    for name in ("level", "referral_id"):
        value = claims.get(name)
        text = value if isinstance(value, str) else ""
        if value is not None and not (isinstance(value, int | float) or text.lstrip("-").isdigit()):
            raise Rejected(f"{name} is no number")


def mint(private_pem: bytes, claims: dict[str, Any], now: int) -> str:
    """A token like Barong's for these claims (`uid` at least), signed with an RSA (RS256) or Ed25519 key in PEM.

    `now` is in microseconds. What the claims name replaces what Barong would say. Raises ValueError for another key.
    """
    key = load_pem_private_key(private_pem, None)
    seconds = now // spec.SECOND
    payload = {
        "iat": seconds,
        "exp": seconds + TOKEN_SECONDS,
        "sub": SESSION,
        "iss": "barong",
        "aud": ["peatio", "barong"],
        "jti": f"{now:x}",
        "role": "member",
        "level": 3,
        "state": "active",
        **claims,
    }
    if isinstance(key, RSAPrivateKey):
        return jwt.encode(payload, key, "RS256")
    if isinstance(key, Ed25519PrivateKey):
        return jwt.encode(payload, key, "EdDSA")
    raise ValueError("tokens are signed with an RSA or Ed25519 key")
