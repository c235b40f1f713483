"""Credentials of the demo's users: the same at every start, known to everybody, and only there in demo mode."""

from __future__ import annotations

from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from polyfeed.accounts.accounts import Accounts
from polyfeed.accounts.vault import MASTER_BYTES, NONCE_BYTES, Vault
from polyfeed.model.commands import AnyCommand, SetKey
from polyfeed.sources.demo import USERS
from polyfeed.sources.perpetuals import SPECULATORS

DEMO_VAULT = Vault(b"demo".ljust(MASTER_BYTES, b"."))
"""Under a master key that everybody can read here."""


class DemoKey(NamedTuple):
    """A key of a demo user."""

    account: int
    key: str
    secret: str


_NAMES = dict(zip(USERS, ("demo", "demo2"), strict=True)) | SPECULATORS

DEMO_KEYS = [DemoKey(account, key, key) for account, key in _NAMES.items()]

DEMO_SEEDS = {account: key.ljust(32, ".").encode() for account, key, _ in DEMO_KEYS}
"""Private Ed25519 keys of the demo's users, as the 32 bytes that they are made of: the key's name, then full stops."""


def demo_key_commands() -> list[AnyCommand]:
    """What makes the demo's keys valid."""
    return [*_secret_keys(), *_ed25519_keys()]


def demo_keys_in(accounts: Accounts) -> list[str]:
    """The ids of those that are valid in these accounts."""
    keys = [*_secret_keys(), *_ed25519_keys()]
    held = ((one, accounts.key(one.key_id)) for one in keys)
    return [one.key_id for one, found in held if found is not None and found[1].verifier == one.verifier]


def demo_users() -> str:
    """The demo's users and their keys, for people."""
    return ", ".join(
        f"user {USERS[one.account]}: key {one.key}, secret {one.secret}" for one in DEMO_KEYS if one.account in USERS
    )


def _ed25519_keys() -> list[SetKey]:
    """Keys whose verifier is the public key, and whose id is its hexadecimal text."""
    public = {
        account: Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        for account, seed in DEMO_SEEDS.items()
    }
    return [SetKey(account, key.hex(), "ed25519", key, ("read", "trade")) for account, key in public.items()]


def _secret_keys() -> list[SetKey]:
    return [
        SetKey(
            one.account,
            one.key,
            "hmac",
            DEMO_VAULT.seal(one.secret.encode(), one.key, bytes(NONCE_BYTES)),
            ("read", "trade"),
        )
        for one in DEMO_KEYS
    ]
