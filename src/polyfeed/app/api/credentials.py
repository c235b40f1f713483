"""Who calls the native API: HTTP Basic authentication with a key's id and secret."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping

from polyfeed.accounts.account import Account
from polyfeed.accounts.accounts import Accounts
from polyfeed.accounts.vault import Vault
from polyfeed.app.api.endpoints import Problem

SCHEME = "hmac"
CHALLENGE = {"www-authenticate": 'Basic realm="polyfeed"'}


def caller(accounts: Accounts, vault: Vault, headers: Mapping[str, str], permission: str) -> Account:
    """The account of the key that the headers prove. Raises Problem 401 without one, 403 without the permission."""
    key_id, secret = basic(headers.get("authorization", ""))
    found = accounts.key(key_id)
    known = b"" if found is None or found[1].scheme != SCHEME else vault.open(found[1].verifier, key_id)
    # Compared also where there is no such key, so that the time tells nothing.
    if not hmac.compare_digest(known, secret) or found is None:
        raise Problem(401, "no such key, or another secret; send HTTP Basic authentication with key id and secret")
    account, key = found
    if permission not in key.permissions:
        raise Problem(403, f"key {key_id} may {' and '.join(key.permissions)}, not {permission}")
    return account


def basic(header: str) -> tuple[str, bytes]:
    """Key id and secret of a Basic authorization header. Raises Problem 401 for anything else."""
    kind, _, text = header.partition(" ")
    try:
        pair = base64.b64decode(text, validate=True) if kind.lower() == "basic" else b""
        key_id, colon, secret = pair.partition(b":")
        if colon and secret:
            return key_id.decode(), secret
    except (binascii.Error, UnicodeDecodeError):
        pass
    raise Problem(401, "send HTTP Basic authentication with a key's id and secret")
