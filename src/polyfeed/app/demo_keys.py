"""Credentials of the demo's users: the same at every start, known to everybody, and only there in demo mode."""

from __future__ import annotations

from typing import NamedTuple

from polyfeed.accounts.vault import MASTER_BYTES, NONCE_BYTES, Vault
from polyfeed.model.commands import AnyCommand, SetKey
from polyfeed.sources.demo import USERS

DEMO_VAULT = Vault(b"demo".ljust(MASTER_BYTES, b"."))
"""Under a master key that everybody can read here."""


class DemoKey(NamedTuple):
    """A key of a demo user."""

    account: int
    key: str
    secret: str


DEMO_KEYS = [DemoKey(account, key, key) for account, key in zip(USERS, ("demo", "demo2"), strict=True)]


def demo_key_commands() -> list[AnyCommand]:
    """What makes the demo's keys valid."""
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
