"""Who calls the native API: a key's id and secret as HTTP Basic authentication, or a program of the operator's."""

from __future__ import annotations

import base64
import hmac
import ipaddress
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

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
    try:
        known = b"" if found is None or found[1].scheme != SCHEME else vault.open(found[1].verifier, key_id)
    except ValueError:  # sealed under another master key: nobody can prove it here
        known = b""
    # The time may tell whether there is such a key (ids are random and no secret), never how much of a secret fits.
    if not hmac.compare_digest(known, secret) or found is None:
        text = "no such key, or another secret; send HTTP Basic authentication with key id and secret"
        raise Problem(401, text, CHALLENGE)
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
    except ValueError:  # not Base64, or an id that is no text
        pass
    raise Problem(401, "send HTTP Basic authentication with a key's id and secret", CHALLENGE)


def check_token(token: str, headers: Mapping[str, str]) -> None:
    """Raises Problem 401 where the operator's port has a token and a call comes without it."""
    kind, _, given = headers.get("authorization", "").partition(" ")
    known = kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode("latin-1"), token.encode())
    if token and not known:
        raise Problem(401, "send the operator's token: Authorization: Bearer …", {"www-authenticate": "Bearer"})


def check_name(host: str, names: Collection[str]) -> None:
    """Raises Problem 403 where a client reached this port by a name that is not its own.

    A web page can have its own name point to this machine (DNS rebinding); to its browser, this port is then a part of
    the page's site, and only the Host header tells.
    """
    name = name_of(host).strip("[]")
    if name and name != "localhost" and name not in names and not is_address(name):
        raise Problem(403, f"this port does not go by the name {name!r}: use its address, or list it in http.names")


def name_of(host: str) -> str:
    """The name or address in a Host header, an IPv6 address in its brackets."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return host
    return f"[{name}]" if ":" in name else name


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Whether a request was made by a page that did not come from this port. Programs send no Origin."""
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2].lower() != headers.get("host", "").lower()


def is_address(name: str) -> bool:
    """Whether it is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
