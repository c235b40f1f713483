"""The perpetuals of the demo: three markets settled in USD, each named in every dialect that lists perpetuals.

Their ids come after the pairs'. Leverage goes up to 20 on bitcoin and ether, to 50 on a little solana, where the demo's
speculators are; the tiers by value, in whole dollars, are of the shape that exchanges of such markets publish. Prices
have the five decimals of the pairs' prices, so that a mark price can lie between ticks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from polyfeed.model.commands import AnyCommand, Deposit, OpenAccount, SetIndexPrice
from polyfeed.model.enums import InstrumentKind, Side
from polyfeed.model.formulas import cost_divisor
from polyfeed.model.ids import INSURANCE_FUND
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.model.perpetuals import PerpetualTerms, RiskTier
from polyfeed.sources.pairs import CURRENCY_SCALE
from polyfeed.sources.speculators import Speculation

QUOTE = "USD"
PRICE_SCALE = 5
MAKER_FEE_PPM, TAKER_FEE_PPM = 100, 500
"""0.01 % and 0.05 %."""

DAMPER_PPM = 4
"""Little, so that the rate can be seen to move with the small premiums of the agents' books."""

SPECULATORS = {4: "bull", 5: "bear"}
"""Small accounts that are liquidated from time to time, the one by a falling index, the other by a rising one."""

STAKE = 10
"""The margin of each of their positions, in whole dollars."""

FUND = 1_000_000
"""What the insurance fund begins with, in whole dollars."""


class Plan(NamedTuple):
    """One market. Tick, lot and smallest size are in units of the instrument, the reference price is one of its prices.

    `spot` names the pair that its index follows, None for one of its own.
    """

    base: str
    size_scale: int
    tick: int
    min_size: int
    reference: int
    spot: str | None
    tiers: tuple[tuple[int, int, int], ...]
    max_leverage: int


PLANS = (
    Plan(
        "BTC",
        5,
        100_000,
        10,
        5_872_460_000,
        "BTC-USD",
        ((500_000, 50_000, 25_000), (2_000_000, 100_000, 50_000), (0, 200_000, 100_000)),
        20,
    ),
    Plan(
        "ETH",
        4,
        10_000,
        20,
        209_000_000,
        "ETH-USD",
        ((250_000, 50_000, 25_000), (1_000_000, 100_000, 50_000), (0, 200_000, 100_000)),
        20,
    ),
    Plan(
        "SOL",
        3,
        1_000,
        100,
        2_850_000,
        None,
        ((20_000, 20_000, 10_000), (100_000, 100_000, 50_000), (0, 200_000, 100_000)),
        50,
    ),
)
"""Reference prices of April 2021, the time of the recording that ships with the package."""


def perpetual_currencies(known: Iterable[Currency]) -> list[Currency]:
    """The currencies that the perpetuals need beside those that are known."""
    codes = {currency.code for currency in known}
    return [Currency(plan.base, CURRENCY_SCALE) for plan in PLANS if plan.base not in codes]


def perpetual_instruments(first: int) -> list[Instrument]:
    """An instrument for each plan; ids count from `first`."""
    return [_instrument(number, plan) for number, plan in enumerate(PLANS, first)]


def perpetual_commands(instruments: Sequence[Instrument]) -> list[AnyCommand]:
    """The speculators' accounts, money for the insurance fund, and the first index prices, without which nobody could
    trade.
    """
    accounts = [OpenAccount(account, name) for account, name in SPECULATORS.items()]
    prices = [SetIndexPrice(one.id, plan.reference) for one, plan in zip(instruments, PLANS, strict=True)]
    return [*accounts, Deposit(INSURANCE_FUND, QUOTE, FUND * 10**CURRENCY_SCALE), *prices]


def speculations(instruments: Sequence[Instrument]) -> list[Speculation]:
    """One account on either side of the last market, whose index moves most, so that it is always somebody's turn."""
    market, divisor = instruments[-1], cost_divisor(instruments[-1], CURRENCY_SCALE)
    return [
        Speculation(account, side, market, STAKE * 10**CURRENCY_SCALE, divisor)
        for account, side in zip(SPECULATORS, (Side.BUY, Side.SELL), strict=True)
    ]


def _instrument(number: int, plan: Plan) -> Instrument:
    base, unit = plan.base, 10**CURRENCY_SCALE
    name = f"{base}-{QUOTE}-PERP"
    symbols = {
        "bitstamp": f"{base}{QUOTE}-perp".lower(),
        "peatio": f"{base}{QUOTE}perp".lower(),
        "rails": name,
        "ekiden": f"{base}-USDC",
    }
    return Instrument(
        id=number,
        name=name,
        base=base,
        quote=QUOTE,
        price_scale=PRICE_SCALE,
        size_scale=plan.size_scale,
        tick=plan.tick,
        lot=1,
        min_size=plan.min_size,
        kind=InstrumentKind.PERPETUAL,
        maker_fee_ppm=MAKER_FEE_PPM,
        taker_fee_ppm=TAKER_FEE_PPM,
        symbols=symbols,
        perpetual=PerpetualTerms(
            max_leverage=plan.max_leverage,
            damper_ppm=DAMPER_PPM,
            tiers=tuple(RiskTier(limit * unit, initial, maintenance) for limit, initial, maintenance in plan.tiers),
        ),
    )
