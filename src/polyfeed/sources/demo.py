"""What the demo venue starts with: its markets, its own accounts and two users with money, as commands.

They enter the venue like everything else, so a journal that begins with them needs no configuration to be understood.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from polyfeed.model.commands import AnyCommand, DefineCurrency, Deposit, ListInstrument, OpenAccount
from polyfeed.model.events import CurrencyDefined, InstrumentListed, PublicEvent
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.sources.pairs import currencies_of, instruments_of, read_pairs
from polyfeed.sources.perpetuals import perpetual_commands, perpetual_currencies, perpetual_instruments

LIQUIDITY = 1
"""House account whose orders are the levels of a recorded book."""
FLOW = 2
"""House account that sends recorded trades, and the agents' market orders, as takers."""
AGENTS = 3
"""House account of the agents' resting orders."""
HOUSE_ACCOUNTS = {LIQUIDITY: "liquidity", FLOW: "flow", AGENTS: "agents"}

USERS = {1001: "alice", 1002: "bob"}
"""Demo users."""

AMPLE = 1_000_000
AMPLE_OF = {"BTC": 1_000, "ETH": 10_000, "JPY": 100_000_000}
"""What each user has of a currency, in whole units: far below 2^62 in the currencies' own units."""


def demo_commands() -> list[AnyCommand]:
    """Everything the demo venue is told before anybody trades."""
    pairs = read_pairs()
    currencies = currencies_of(pairs)
    currencies += perpetual_currencies(currencies)
    instruments = instruments_of(pairs)
    perpetuals = perpetual_instruments(len(instruments))
    return [
        *listing_commands(currencies, [*instruments, *perpetuals]),
        *account_commands(currencies),
        *perpetual_commands(perpetuals),
    ]


def listing_commands(currencies: Iterable[Currency], instruments: Iterable[Instrument]) -> list[AnyCommand]:
    """Makes the currencies known and opens the markets."""
    return [*map(DefineCurrency, currencies), *map(ListInstrument, instruments)]


def listing_events(currencies: Iterable[Currency], instruments: Iterable[Instrument]) -> list[PublicEvent]:
    """The same as the events that a recording begins with where no venue lists its markets."""
    return [*map(CurrencyDefined, currencies), *map(InstrumentListed, instruments)]


def account_commands(currencies: Sequence[Currency]) -> list[AnyCommand]:
    """Opens the house accounts and the users', and gives each user an ample balance of every currency."""
    houses = [OpenAccount(account, name, house=True) for account, name in HOUSE_ACCOUNTS.items()]
    users = [OpenAccount(account, name) for account, name in USERS.items()]
    deposits = [
        Deposit(account, currency.code, AMPLE_OF.get(currency.code, AMPLE) * 10**currency.scale)
        for account in USERS
        for currency in currencies
    ]
    return [*houses, *users, *deposits]
