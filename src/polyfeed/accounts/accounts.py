"""All accounts, folded from the private parts of batches."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from polyfeed.accounts import image as images
from polyfeed.accounts.account import Account
from polyfeed.model.batches import Batch
from polyfeed.model.errors import BatchOutOfOrder
from polyfeed.model.events import KeyRevoked, KeySet, PrivateEvent
from polyfeed.model.orders import OwnOrder

_KEY_EVENTS = frozenset({KeySet, KeyRevoked})


class AccountChange(NamedTuple):
    """What happened to an account. `order` is the order that the event is about, as it stands after it, ended ones too.

    It is None for events about no order, or about one that was opened before all that is known.
    """

    account: int
    event: PrivateEvent
    order: OwnOrder | None


class Accounts:
    """What is known of each account, as of the last batch. `epoch`, `seq`, `ts` and `seen` are as in the market."""

    def __init__(self) -> None:
        self.epoch = 0
        self.seq = 0
        self.ts = 0
        self.seen: dict[int, int] = {}
        self._accounts: dict[int, Account] = {}
        self._key_owners: dict[str, int] = {}

    def get(self, account_id: int) -> Account | None:
        """An account by number."""
        return self._accounts.get(account_id)

    def by_name(self, name: str) -> Account | None:
        """An account by name; the oldest when several have it."""
        return next((account for account in self.all() if account.name == name), None)

    def key(self, key_id: str) -> tuple[Account, KeySet] | None:
        """Whose key it is and what is needed to check it; None when there is no such key, or no longer."""
        number = self._key_owners.get(key_id)
        if number is None:
            return None
        owner = self._accounts[number]
        return owner, owner.keys[key_id]

    def all(self) -> list[Account]:
        """Every account, by number."""
        return [account for _, account in sorted(self._accounts.items())]

    def apply(self, batch: Batch) -> list[AccountChange]:
        """Folds the private part of a batch: what happened, account by account, in the order of events.

        Raises BatchOutOfOrder before anything changed.
        """
        expected = self.seen.get(batch.epoch, 0) + 1
        if batch.seq != expected:
            raise BatchOutOfOrder(batch.epoch, batch.seq, expected)
        self.epoch, self.ts = batch.epoch, batch.ts
        self.seq = self.seen[batch.epoch] = batch.seq
        ts = batch.ts
        changes: list[AccountChange] = []
        for account_id, events in batch.private.items():
            account = self._accounts.get(account_id)
            if account is None:
                account = self._accounts[account_id] = Account(account_id)
            for event in events:
                order = account.fold(event, ts)
                if type(event) in _KEY_EVENTS:
                    self._index(account, event)
                changes.append(AccountChange(account_id, event, order))
        return changes

    def snapshot(self) -> bytes:
        """All of it as bytes, the same for equal accounts; `restore` reads them."""
        accounts = [images.image_of(account) for account in self.all()]
        image = images.AccountsImage(images.FORMAT, self.epoch, self.seq, self.ts, sorted(self.seen.items()), accounts)
        return images.encode(image)

    @classmethod
    def restore(cls, data: bytes) -> Accounts:
        """The accounts that `data` (from `snapshot`) shows; they go on exactly as those do. Raises ValueError."""
        image = images.decode(data)
        accounts = cls()
        accounts.epoch, accounts.seq, accounts.ts = image.epoch, image.seq, image.ts
        accounts.seen = dict(image.seen)
        for shown in image.accounts:
            account = accounts._accounts[shown.account_id] = images.account_of(shown)
            for key_id in account.keys:
                accounts._key_owners[key_id] = account.account_id
        return accounts

    def become(self, other: Accounts) -> None:
        """Takes over everything of other accounts, which must not be used any more, between two batches.

        Whoever holds this, or one account, sees the new state; an account that is gone has nothing, keys neither.
        """
        self.epoch, self.seq, self.ts = other.epoch, other.seq, other.ts
        self.seen = other.seen
        self._key_owners = other._key_owners
        before, self._accounts = self._accounts, other._accounts
        for number, mine in before.items():
            mine.become(self._accounts.get(number) or Account(number))
            if number in self._accounts:
                self._accounts[number] = mine

    def state_hash(self) -> str:
        """The SHA-256 of the snapshot, in hexadecimal: equal for equal accounts."""
        return hashlib.sha256(self.snapshot()).hexdigest()

    def _index(self, account: Account, event: PrivateEvent) -> None:
        """Keeps the way from a key to its account."""
        match event:
            case KeySet():
                former = self._key_owners.get(event.key_id, account.account_id)
                if former != account.account_id:
                    self._accounts[former].keys.pop(event.key_id, None)
                self._key_owners[event.key_id] = account.account_id
            case KeyRevoked():
                if self._key_owners.get(event.key_id) == account.account_id:
                    del self._key_owners[event.key_id]
            case _:
                pass
