"""Secrets that must be read again to check a signature, kept encrypted.

A key's verifier is its secret under AES-GCM with the venue's master key, bound to the key's id: it can stand in
journals, snapshots and batches. Whoever lacks the master key reads nothing from it and can make none.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
MASTER_BYTES = 32


class Vault:
    """Seals and opens secrets. `master` has 32 bytes; it leaves the process for one of the same venue only."""

    def __init__(self, master: bytes) -> None:
        if len(master) != MASTER_BYTES:
            raise ValueError(f"a master key has {MASTER_BYTES} bytes, not {len(master)}")
        self.master = master
        self._cipher = AESGCM(self.derive("seal"))

    def seal(self, secret: bytes, key_id: str, nonce: bytes) -> bytes:
        """The verifier of a key. `nonce` is 12 random bytes, never used twice."""
        return nonce + self._cipher.encrypt(nonce, secret, key_id.encode())

    def open(self, verifier: bytes, key_id: str) -> bytes:
        """The secret. Raises ValueError for a verifier of another key, another master key, or one that was changed."""
        try:
            return self._cipher.decrypt(verifier[:NONCE_BYTES], verifier[NONCE_BYTES:], key_id.encode())
        except InvalidTag as error:
            raise ValueError(f"the verifier of key {key_id!r} was not sealed by this venue") from error

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose, such as signing tokens."""
        return hmac.new(self.master, purpose.encode(), hashlib.sha256).digest()
