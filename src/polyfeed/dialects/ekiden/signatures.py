"""Signed requests: what is signed, how it is read and checked (spec/ekiden.md 2, 7)."""

from __future__ import annotations

import binascii
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from polyfeed.dialects.ekiden import spec


class AuthRefused(Exception):
    """A login is refused: `code` for the socket, a sentence that says why, the number of the REST error."""

    def __init__(self, code: str, reason: str, number: int = spec.ERROR_AUTH) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.number = number

    @property
    def message(self) -> str:
        """The text for the socket: seed says INVALID_TOKEN without a reason, ours have one where it helps."""
        return self.code if self.code in (spec.INVALID_TOKEN, spec.TOKEN_EXPIRED) else f"{self.code}: {self.reason}"


class Signed(Struct, frozen=True):
    """A signed request: texts as they came. `message` is what was signed."""

    public_key: str
    signature: str
    timestamp_ms: int
    nonce: str
    message: str


def is_signed(public_key: bytes, signature: str, message: str) -> bool:
    """Whether `signature`, hexadecimal, is the key's over the message as UTF-8."""
    try:
        given = binascii.unhexlify(signature.removeprefix("0x"))
        Ed25519PublicKey.from_public_bytes(public_key).verify(given, message.encode())
    except (ValueError, InvalidSignature):
        return False
    return True


def text_of(fields: dict[str, Any], name: str) -> str:
    """A field that must be text. Raises AuthRefused."""
    value = fields.get(name)
    if not isinstance(value, str):
        raise AuthRefused(spec.INVALID_REQUEST, f"{name} must be a string", spec.ERROR_INVALID)
    return value


def milliseconds_of(fields: dict[str, Any]) -> int:
    """`timestamp_ms`, a number or (a docs example) the same as text. Raises AuthRefused."""
    value = fields.get("timestamp_ms")
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 16:
        value = int(value)
    if type(value) is not int or not 0 <= value < 10**16:
        raise AuthRefused(spec.INVALID_REQUEST, "timestamp_ms must be milliseconds", spec.ERROR_INVALID)
    return value


def signed_request(fields: dict[str, Any], key_field: str, form: str) -> Signed:
    """A login's fields; what is signed is `form` filled in, or the wallet's `full_message` around it. Raises
    AuthRefused."""
    timestamp, nonce = milliseconds_of(fields), text_of(fields, "nonce")
    message = form.format(timestamp_ms=timestamp, nonce=nonce)
    whole = fields.get("full_message")
    if whole is not None:
        whole = text_of(fields, "full_message")
        if message not in whole:
            raise AuthRefused(spec.INVALID_SIGNATURE, f"full_message does not contain {message!r}")
    return Signed(text_of(fields, key_field), text_of(fields, "signature"), timestamp, nonce, whole or message)
