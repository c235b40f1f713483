"""Identifiers: who a token's `uid` is, and the numbers of orders and trades.

Orders and trades have the venue's own numbers, which are integers below 2^53. A user of the venue is `ID` and the
account's number (`ID1001`), or the account's name; the first form wins, so no name can stand for another's number. The
users of an upstream have no account here: theirs is made of the uid, out of the way of every account of the venue.
"""

from __future__ import annotations

import hashlib

from polyfeed.accounts.accounts import Accounts

_RELAYED = 1 << 52
_PREFIX = "ID"


def uid_of(account: int) -> str:
    """How an account of the venue is called in tokens."""
    return f"{_PREFIX}{account}"


def account_of(uid: str, accounts: Accounts) -> int:
    """The number of the account that a uid names, 0 when there is none."""
    digits = uid.removeprefix(_PREFIX)
    if uid.startswith(_PREFIX) and digits.isascii() and digits.isdigit() and len(digits) <= 16:
        account = accounts.get(int(digits))
        if account is not None:
            return account.account_id
    named = accounts.by_name(uid) if uid else None
    return 0 if named is None else named.account_id


def relayed_account(uid: str) -> int:
    """The number that stands for an upstream's user: 53 bits, the highest one set."""
    return _RELAYED | int.from_bytes(hashlib.sha256(uid.encode("utf-8", "surrogatepass")).digest()[:7]) >> 4
