"""The demo's users, with what each dialect's clients identify themselves by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from polyfeed.app.demo_keys import DEMO_KEYS, DEMO_SEEDS
from polyfeed.sources.demo import USERS


@dataclass(frozen=True)
class User:
    """A user. `key` and `secret` are for Bitstamp (whose uid is `account`), Rails, Peatio and the native API;
    `private_key` signs for Ekiden.
    """

    name: str
    account: int
    key: str
    secret: str
    private_key: Ed25519PrivateKey
    _token: Callable[[str, int], str] = field(repr=False)

    def token(self, dialect: str) -> str:
        """A token as that exchange gives it to a client that has logged in: Bitstamp, Peatio, Rails, Ekiden.

        Raises ValueError for an exchange without tokens.
        """
        return self._token(dialect, self.account)


def user_of(name: str, token: Callable[[str, int], str]) -> User:
    """A user by key or by name: demo is alice, demo2 is bob. Raises KeyError that names them."""
    keys = [one for one in DEMO_KEYS if one.account in USERS]
    for one in keys:
        if name in (one.key, USERS[one.account]):
            private = Ed25519PrivateKey.from_private_bytes(DEMO_SEEDS[one.account])
            return User(USERS[one.account], one.account, one.key, one.secret, private, token)
    known = ", ".join(f"{one.key} ({USERS[one.account]})" for one in keys)
    raise KeyError(f"there is no user {name!r}; there are {known}")
