"""API keys in the handshake's headers (sheet 2, other credentials): what Barong checks in front of a Peatio.

    X-Auth-Apikey     the key's id
    X-Auth-Nonce      the time in milliseconds
    X-Auth-Signature  HMAC-SHA256 of nonce and id under the key's secret, in hexadecimal

In front of a relay it is Barong that checks them: the users of an upstream have no keys here.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping

from polyfeed.accounts.accounts import Accounts
from polyfeed.accounts.vault import Vault
from polyfeed.dialects.peatio.auth import Identity, Rejected
from polyfeed.dialects.peatio.ids import uid_of

KEY_HEADER, NONCE_HEADER, SIGNATURE_HEADER = "x-auth-apikey", "x-auth-nonce", "x-auth-signature"

SCHEME = "hmac"
"""The scheme of the keys that sign so."""

NONCE_MS = 5_000
"""How far a nonce may be from the time, as Barong has it."""

_NONCE = re.compile(r"[0-9]{1,15}")


def signature(secret: bytes, nonce: str, key_id: str) -> str:
    """What a client sends for its key."""
    return hmac.new(secret, f"{nonce}{key_id}".encode(), hashlib.sha256).hexdigest()


class ApiKeys:
    """Judges such headers by the venue's own keys."""

    def __init__(self, accounts: Accounts, vault: Vault) -> None:
        self._accounts = accounts
        self._vault = vault

    def identify(self, headers: Mapping[str, str], now: int) -> Identity:
        """Whose key signed at `now` (microseconds). Raises Rejected."""
        key_id, nonce = headers.get(KEY_HEADER, ""), headers.get(NONCE_HEADER, "")
        if _NONCE.fullmatch(nonce) is None or abs(int(nonce) - now // 1000) > NONCE_MS:
            raise Rejected("X-Auth-Nonce is not the time in milliseconds")
        found = self._accounts.key(key_id)
        if found is None or found[1].scheme != SCHEME:
            raise Rejected("there is no such API key")
        account, key = found
        try:
            secret = self._vault.open(key.verifier, key.key_id)
        except ValueError as error:
            raise Rejected("the API key cannot be checked") from error
        given = headers.get(SIGNATURE_HEADER, "").lower().encode()
        if not hmac.compare_digest(signature(secret, nonce, key_id).encode(), given):
            raise Rejected("X-Auth-Signature is another one")
        if "read" not in key.permissions:
            raise Rejected("the API key may not read")
        return Identity(uid_of(account.account_id))
