"""Tokens for private channels: 32 alphanumerics that need no memory (spec/bitstamp.md 5).

A token is the time until which it can be used, in milliseconds, and a signature over it, the user, and the key that
asked for it with what that key is checked by. So it ends with its key, and a key that is set anew does not revive it.
Whose it is stands in the channel that it is used for, so only that user's keys are tried.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import NamedTuple

from polyfeed.accounts.account import Account
from polyfeed.accounts.accounts import Accounts
from polyfeed.accounts.vault import Vault
from polyfeed.model.events import KeySet

READ = "read"
"""The permission without which a key opens no private channel."""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTH = 32
_TIME_DIGITS = 8
_PURPOSE = "bitstamp websockets token"


class Holder(NamedTuple):
    """Who a token or a signature stands for: a user (main account), and the account and the key that it acts for."""

    user: int
    account: int
    key_id: str


class Tokens:
    """Makes and checks tokens. `now` is in microseconds; tokens can be used for `seconds`."""

    def __init__(self, accounts: Accounts, vault: Vault, seconds: int) -> None:
        self.seconds = seconds
        self._accounts = accounts
        self._secret = vault.derive(_PURPOSE)

    def issue(self, now: int, account: Account, key: KeySet) -> str:
        """A token for the user of `account`."""
        return self._token(now // 1000 + self.seconds * 1000, user_of(account), key)

    def check(self, now: int, token: object, user: int) -> Holder | None:
        """Whom the token stands for, None unless it is a good one of this user."""
        if not isinstance(token, str) or len(token) != LENGTH or not token.isascii() or not token.isalnum():
            return None
        until = _number(token[:_TIME_DIGITS])
        if until * 1000 < now:
            return None
        for account, key in self._keys(user):
            if hmac.compare_digest(self._token(until, user, key), token):
                return Holder(user, account.account_id, key.key_id)
        return None

    def stands(self, holder: Holder) -> bool:
        """Whether the key is still valid, of that account, and may read."""
        found = self._accounts.key(holder.key_id)
        return found is not None and found[0].account_id == holder.account and READ in found[1].permissions

    def _keys(self, user: int) -> Iterator[tuple[Account, KeySet]]:
        for account in accounts_of(self._accounts, user):
            for key in account.keys.values():
                if READ in key.permissions:
                    yield account, key

    def _token(self, until: int, user: int, key: KeySet) -> str:
        time = _text(until, _TIME_DIGITS)
        told = b"\0".join((time.encode(), str(user).encode(), key.key_id.encode(), key.verifier))
        digest = hmac.new(self._secret, told, hashlib.sha256).digest()
        return time + _text(int.from_bytes(digest, "big"), LENGTH - _TIME_DIGITS)


def user_of(account: Account) -> int:
    """The number of the main account that an account belongs to."""
    return account.parent or account.account_id


def accounts_of(accounts: Accounts, user: int) -> list[Account]:
    """A user's main account, then the sub-accounts; none where the number is no main account's."""
    main = accounts.get(user)
    if main is None or main.parent:
        return []
    return [main, *(one for one in accounts.all() if one.parent == user)]


def _text(value: int, digits: int) -> str:
    """The last `digits` digits of a number to the base 62."""
    text = []
    for _ in range(digits):
        value, digit = divmod(value, len(ALPHABET))
        text.append(ALPHABET[digit])
    return "".join(reversed(text))


def _number(text: str) -> int:
    value = 0
    for character in text:
        value = value * len(ALPHABET) + ALPHABET.index(character)
    return value
