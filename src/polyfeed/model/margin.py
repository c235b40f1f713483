"""Every formula of the perpetuals: profit, margin, the prices of ruin, funding, settlement, shares of a loss.

The rules of the file, by which money is conserved to the last unit:

* A position is a signed `size` and its *basis*: what it was entered for, in units of the quote currency, signed like
  the size. A fill of `value` adds `value` to the buyer's basis, or takes it from the seller's; what of it closes an
  earlier position is realised, that is, moved from basis to money. So `money - basis` changes by exactly `-value` for a
  buyer and `+value` for a seller, however the basis is divided, and the sum of it over all accounts never changes.
* Sizes of all positions in a market add up to 0, so at any mark price their values do too. Therefore
  `balances + profits + fund + fees = deposits`, without rounding when profits are taken in 1 / `divisor` units.
* A profit in whole units is rounded down and a requirement up: nobody is credited with what is not there.
* What must come out even between several accounts is never divided by each of them alone: funding goes through the
  insurance fund, which keeps the dust, and `shares` adds up to the whole.

`divisor` is that of `formulas.cost_divisor`: price times size divided by it is money. Rates are parts per million.
Each function has a worked example in tests/model/test_margin.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from polyfeed.model.enums import MarginAlertKind
from polyfeed.model.formulas import PPM
from polyfeed.model.numbers import divide_half_up
from polyfeed.model.perpetuals import PerpetualTerms, RiskTier

INITIAL_WARNING_PPM = 1_100_000
"""The first alert comes when equity is less than 110 % of the initial margin of the positions."""
MAINTENANCE_WARNING_PPM = 1_200_000
"""The third when it is less than 120 % of their maintenance margin. The second and fourth come at 100 % of either."""


def exact_profit(size: int, basis: int, price: int, divisor: int) -> int:
    """What a position would gain at a price, in 1 / `divisor` units of the quote currency."""
    return size * price - basis * divisor


def profit(size: int, basis: int, price: int, divisor: int) -> int:
    """The same in whole units, down: the unrealised profit when the price is the mark price."""
    return (size * price - basis * divisor) // divisor


def entry_price(size: int, basis: int, divisor: int) -> int:
    """The average price at which a position was entered, to the nearest. To be shown, never to calculate with."""
    return divide_half_up(abs(basis) * divisor, abs(size)) if size else 0


def portion(amount: int, part: int, whole: int) -> int:
    """The part of a signed amount that belongs to `part` of `whole`, towards 0; all of it for all."""
    return amount * part // whole if amount >= 0 else -(-amount * part // whole)


def initial_margin(value: int, leverage: int, tiers: Sequence[RiskTier]) -> int:
    """What exposure worth `value` needs to begin with: its tiers' rates, or 1 / leverage where that is more."""
    least = -(-PPM // leverage)
    return _by_tiers(value, [(tier.limit, max(tier.initial_ppm, least)) for tier in tiers])


def maintenance_margin(value: int, tiers: Sequence[RiskTier]) -> int:
    """What a position worth `value` needs at any time; with less it is liquidated."""
    return _by_tiers(value, [(tier.limit, tier.maintenance_ppm) for tier in tiers])


def _by_tiers(value: int, rates: Sequence[tuple[int, int]]) -> int:
    """Each part of a value at its tier's rate, rounded up as a whole."""
    total, done = 0, 0
    for limit, rate in rates:
        part = (value if not limit else min(value, limit)) - done
        total += part * rate
        done += part
        if done >= value:
            break
    return -(-total // PPM)


def bankruptcy_price(size: int, price: int, equity: int, divisor: int) -> int:
    """The price at which a position takes the last of `equity`, which is what secures it at `price`.

    Towards the owner's side (up for a long position, down for a short one): closed there, nothing is missing. At least
    0, which a long position that is secured by its whole value shows.
    """
    return max(
        0, -((equity * divisor - size * price) // size) if size > 0 else (size * price - equity * divisor) // size
    )


def liquidation_price(size: int, price: int, equity: int, others: int, tiers: Sequence[RiskTier], divisor: int) -> int:
    """The mark price at which a position's account has just its maintenance margin left.

    `others` is what the account's other positions need of `equity`. With the tiers' slopes, `maintenance(value) =
    rate * value - offset`, so the price solves `equity + (p - price) * size = rate * p * |size| - offset + others`;
    rounded as the bankruptcy price, because one unit earlier is the safe side. 0 for none.
    """
    spare = (equity - others) * divisor - size * price
    offset, found = 0, 0
    for tier, later in zip(tiers, [*tiers[1:], None], strict=True):
        wanted = -(spare * PPM + offset * divisor)
        slope = size * PPM - abs(size) * tier.maintenance_ppm
        found = -(-wanted // slope) if size > 0 else wanted // slope
        if later is None or found * abs(size) <= tier.limit * divisor:
            break
        offset += tier.limit * (later.maintenance_ppm - tier.maintenance_ppm)
    return max(0, found)


def ratio(equity: int, margin: int) -> int:
    """How far equity covers a margin: 1,000,000 is just. At least 0; 0 as well where nothing is needed."""
    return max(0, equity) * PPM // margin if margin else 0


def alert_level(equity: int, initial: int, maintenance: int) -> MarginAlertKind | None:
    """The deepest threshold that lies above the equity, None while it is above all (or nothing is needed)."""
    if equity < maintenance:
        return MarginAlertKind.LIQUIDATION_START
    if equity * PPM < maintenance * MAINTENANCE_WARNING_PPM:
        return MarginAlertKind.MAINTENANCE_MARGIN_WARNING
    if equity < initial:
        return MarginAlertKind.INITIAL_MARGIN
    return MarginAlertKind.INITIAL_MARGIN_WARNING if equity * PPM < initial * INITIAL_WARNING_PPM else None


def moved_average(average: int, sample: int, elapsed_us: int, window_us: int) -> int:
    """A moving average after a sample that counts for the time since the one before it, whole after a window."""
    return average + (sample - average) * min(elapsed_us, window_us) // window_us


def mark_price(index: int, premium: int, terms: PerpetualTerms) -> int:
    """The index and the moving premium of the book over it (a price), which is clamped to a part of the index."""
    return max(1, index + clamp(premium, index * terms.premium_clamp_ppm // PPM))


def funding_rate(premium_ppm: int, terms: PerpetualTerms) -> int:
    """The rate of one interval from the mean premium of the book over the index.

    The premium is paid back over `premium_intervals`; interest pulls what is near to it into itself, within the damper;
    the whole is clamped. Positive: long positions pay.
    """
    share = portion(premium_ppm, 1, terms.premium_intervals)
    rate = share + clamp(terms.interest_ppm - share, terms.damper_ppm)
    return clamp(rate, terms.funding_clamp_ppm)


def funding_amount(size: int, mark: int, rate_ppm: int, divisor: int) -> int:
    """What a position receives (or pays, < 0). Down: who pays pays up to one unit more, who receives gets less."""
    return -size * mark * rate_ppm // (divisor * PPM)


def clamp(value: int, most: int) -> int:
    """The value, or the nearest one between -most and most."""
    return max(-most, min(most, value))


def liquidation_fee(value: int, rate_ppm: int, equity: int) -> int:
    """What a liquidation that closed `value` owes the insurance fund: never more than is left."""
    return max(0, min(value * rate_ppm // PPM, equity))


def deleveraging_score(profit_now: int, basis: int, value: int, equity: int) -> int:
    """Who is deleveraged first: profit (in ppm of the basis) times effective leverage (in ppm); a loss divided by it.

    So profits come before losses, and among equal profits the one with the least equity behind it. (Bybit's rule.)
    """
    profit_ppm = profit_now * PPM // max(1, abs(basis))
    leverage_ppm = max(1, value * PPM // max(1, equity))
    return profit_ppm * leverage_ppm if profit_now > 0 else profit_ppm * PPM // leverage_ppm


def shares(loss: int, means: Sequence[int]) -> list[int]:
    """Divides a loss among those who have `means` (>= 0), in proportion, nobody beyond what they have.

    The remainder of the division is borne one unit each by the first who have some left. The sum is the loss, or all
    the means if they are less: what then is missing, nobody has.
    """
    total = sum(means)
    if loss >= total:
        return list(means)
    parts = [loss * own // total for own in means]
    rest = loss - sum(parts)
    for number, own in enumerate(means):
        if rest and parts[number] < own:
            parts[number] += 1
            rest -= 1
    return parts
