"""Keys that rotate: those of a JSON Web Key Set (RFC 7517), found by the `kid` of a token's header.

The set is fetched elsewhere (`app/jwks.py`); here stands what it holds, and that a token came whose key it lacks.
"""

from __future__ import annotations

from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from polyfeed.dialects.peatio.keys import RSA_BITS, RSA_FAMILY, TokenKey

MAX_KEYS = 64


class KeyRing:
    """The keys by id. `wanted` says that a token named one that is not there: the set may have changed."""

    def __init__(self) -> None:
        self._keys: dict[str, TokenKey] = {}
        self.wanted = False

    def find(self, token: str) -> TokenKey | None:
        """The key that a token names, None without one. A token that names none is checked with the only key."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except jwt.PyJWTError:
            return None
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        found = self._keys.get(kid) if isinstance(kid, str) else None
        self.wanted |= found is None and isinstance(kid, str)
        return found

    def replace(self, document: bytes) -> int:
        """Takes over a set, and what it no longer has is gone; how many keys it has. Raises ValueError."""
        self._keys = read_set(document)
        self.wanted = False
        return len(self._keys)


def read_set(document: bytes) -> dict[str, TokenKey]:
    """The keys of a set that tokens are signed with here: RSA and Ed25519 ones, never secrets. Raises ValueError."""
    try:
        entries = msgspec.json.decode(document, type=dict[str, Any])["keys"]
    except (msgspec.MsgspecError, KeyError) as error:
        raise ValueError("this is no JSON Web Key Set") from error
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise ValueError(f"`keys` must be a list of at most {MAX_KEYS}")
    keys = {}
    for entry in entries:
        key = read_key(entry) if isinstance(entry, dict) else None
        if key is not None:
            keys[str(entry.get("kid", ""))] = key
    if not keys:
        raise ValueError("the set has no RSA or Ed25519 key for signatures")
    return keys


def read_key(entry: dict[str, Any]) -> TokenKey | None:
    """One key of a set, None for one of another kind or use. Its type names the algorithms, whatever its `alg` says."""
    if entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    try:
        if entry.get("kty") == "RSA":
            key = jwt.algorithms.RSAAlgorithm.from_jwk(entry)
            return TokenKey(key, RSA_FAMILY) if isinstance(key, RSAPublicKey) and key.key_size >= RSA_BITS else None
        if entry.get("kty") == "OKP" and entry.get("crv") == "Ed25519":
            point = jwt.algorithms.OKPAlgorithm.from_jwk(entry)
            return TokenKey(point, ("EdDSA",)) if isinstance(point, Ed25519PublicKey) else None
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return None
