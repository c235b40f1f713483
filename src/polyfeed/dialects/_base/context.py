"""What a dialect reads."""

from __future__ import annotations

from msgspec import Struct

from polyfeed.accounts.accounts import Accounts
from polyfeed.accounts.vault import Vault
from polyfeed.market.market import Market


class Context(Struct, frozen=True):
    """The state as of the last batch, and what credentials are checked with."""

    market: Market
    accounts: Accounts
    vault: Vault
