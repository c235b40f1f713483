"""The key that tokens are checked with (sheet 2), in each of the forms that operators have it in.

An asymmetric key is base64, url-safe (Ruby) or standard (Rango), of PEM text, or the PEM text itself. The body of a PEM
block "PUBLIC KEY" is SPKI; the 32 bytes that Rango since 3.1.2 wants there are an Ed25519 key as well. Each key names
the algorithms that go with it, so a token never chooses: HS256 belongs to a secret alone.
"""

from __future__ import annotations

import base64
import binascii
import re

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key
from msgspec import Struct

RSA_FAMILY = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
RSA_BITS = 2048
SECRET_BYTES = 32
RAW_BYTES = 32
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\s*([A-Za-z0-9+/=\s]*?)-----END \1-----")

PublicKey = RSAPublicKey | Ed25519PublicKey


class TokenKey(Struct, frozen=True):
    """A key and every algorithm it may be used with."""

    key: PublicKey | bytes
    algorithms: tuple[str, ...]


def read_key(public_key: str, secret: str) -> TokenKey | None:
    """The key that the settings give, None for none. Raises ValueError that says what is wrong with it."""
    if public_key and secret:
        raise ValueError("jwt_public_key and jwt_secret cannot both be set: tokens are signed with one of them")
    if secret:
        if len(secret.encode()) < SECRET_BYTES:
            raise ValueError(f"jwt_secret must have at least {SECRET_BYTES} bytes")
        return TokenKey(secret.encode(), ("HS256",))
    if not public_key.strip():
        return None
    key = _public_key(_pem_text(public_key))
    if isinstance(key, Ed25519PublicKey):
        return TokenKey(key, ("EdDSA",))
    if key.key_size < RSA_BITS:
        raise ValueError(f"jwt_public_key is an RSA key of {key.key_size} bits; at least {RSA_BITS} are needed")
    return TokenKey(key, RSA_FAMILY)


def _pem_text(text: str) -> str:
    """The PEM text, which mostly comes in base64 of one alphabet or the other, padded or not."""
    if "-----BEGIN" in text:
        return text
    compact = "".join(text.split()).translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("jwt_public_key is neither PEM text nor base64 of it") from error


def _public_key(pem: str) -> PublicKey:
    block = _BLOCK.search(pem)
    if block is None:
        raise ValueError("jwt_public_key has no PEM block in it")
    if "PRIVATE" in block[1]:
        raise ValueError("jwt_public_key is a private key: give the public one")
    try:
        body = base64.b64decode("".join(block[2].split()), validate=True)
        if len(body) == RAW_BYTES:
            return Ed25519PublicKey.from_public_bytes(body)
        key = load_der_public_key(body) if block[1] == "PUBLIC KEY" else load_pem_public_key(pem.encode())
    except (ValueError, binascii.Error) as error:
        raise ValueError("jwt_public_key cannot be read as a public key") from error
    if not isinstance(key, RSAPublicKey | Ed25519PublicKey):
        raise ValueError("jwt_public_key must be an RSA or Ed25519 key")
    return key
