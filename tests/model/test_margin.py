"""Each formula of the perpetuals with an example worked by hand, then what holds for all numbers.

Unless said otherwise prices have 1 decimal and sizes 2, money has 2: `divisor` is 10^(1 + 2 - 2) = 10, so that
50,000.0 * 1.00 is 500000 * 100 / 10 = 5,000,000 units = 50,000.00.
"""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from polyfeed.model import margin as m
from polyfeed.model.enums import MarginAlertKind as Alert
from polyfeed.model.perpetuals import PerpetualTerms, RiskTier

DIVISOR = 10
TIERS = (RiskTier(100_000_00, 50_000, 25_000), RiskTier(500_000_00, 100_000, 50_000), RiskTier(0, 200_000, 100_000))


def test_profit() -> None:
    # 1.50 BTC from 50,000.0: basis 75,000.00. At 51,000.0 they are worth 76,500.00.
    assert m.profit(150, 75_000_00, 510_000, DIVISOR) == 1_500_00
    assert m.profit(-150, -75_000_00, 510_000, DIVISOR) == -1_500_00
    # A third of a unit is nobody's: 0.01 at 0.1 is 1/10 unit, for nothing: down to 0, and down to -1 for the other.
    assert (m.profit(1, 0, 1, DIVISOR), m.profit(-1, 0, 1, DIVISOR)) == (0, -1)
    assert m.exact_profit(1, 0, 1, DIVISOR) + m.exact_profit(-1, 0, 1, DIVISOR) == 0


def test_entry_price() -> None:
    # 75,000.00 for 1.50 is 50,000.0 each; 100.00 for 0.03 is 3,333.33, shown as 3,333.3.
    assert m.entry_price(150, 75_000_00, DIVISOR) == 500_000
    assert m.entry_price(-3, -100_00, DIVISOR) == 33_333
    assert m.entry_price(0, 0, DIVISOR) == 0


def test_portion() -> None:
    # A third of 100 is 33, of -100 it is -33; all is all.
    assert (m.portion(100, 1, 3), m.portion(-100, 1, 3), m.portion(-100, 3, 3)) == (33, -33, -100)


def test_initial_and_maintenance_margin() -> None:
    # 50,000.00 lies in the first tier: 5 % and 2.5 %.
    assert m.initial_margin(50_000_00, 20, TIERS) == 2_500_00
    assert m.maintenance_margin(50_000_00, TIERS) == 1_250_00
    # At leverage 10 a tenth is needed. At 3 a third: 333,334 ppm of 50,000.00 are 16,666.70.
    assert m.initial_margin(50_000_00, 10, TIERS) == 5_000_00
    assert m.initial_margin(50_000_00, 3, TIERS) == 16_666_70
    # 600,000.00: 100,000 at 2.5 %, 400,000 at 5 %, 100,000 at 10 %: 2,500 + 20,000 + 10,000.
    assert m.maintenance_margin(600_000_00, TIERS) == 32_500_00
    # And 5,000 + 40,000 + 20,000 to begin with; at leverage 10 the first part needs 10,000.
    assert m.initial_margin(600_000_00, 20, TIERS) == 65_000_00
    assert m.initial_margin(600_000_00, 10, TIERS) == 70_000_00
    # One unit more than 0 needs one unit.
    assert m.maintenance_margin(1, TIERS) == 1


def test_bankruptcy_price() -> None:
    # Long 1.00 at a mark of 50,000.0 with 5,000.00 behind it: gone after a fall of 5,000.0.
    assert m.bankruptcy_price(100, 500_000, 5_000_00, DIVISOR) == 450_000
    assert m.bankruptcy_price(-100, 500_000, 5_000_00, DIVISOR) == 550_000
    # 3.00 with 1,000.00: 333.33 each, so 49,666.66…: up to 49,666.7 for the long, 50,333.3 for the short.
    assert m.bankruptcy_price(300, 500_000, 1_000_00, DIVISOR) == 496_667
    assert m.bankruptcy_price(-300, 500_000, 1_000_00, DIVISOR) == 503_333
    # Who is below nothing by 1,000.00 can only be helped by a better price than the mark.
    assert m.bankruptcy_price(100, 500_000, -1_000_00, DIVISOR) == 510_000
    # Secured by more than it is worth, a long position never goes bankrupt.
    assert m.bankruptcy_price(100, 500_000, 60_000_00, DIVISOR) == 0


def test_liquidation_price() -> None:
    # Long 1.00, mark 50,000.0, equity 5,000.00, 2.5 %: 5,000 + (p - 50,000) = 0.025 p, so p = 45,000 / 0.975 =
    # 46,153.84…, up. Short: 5,000 - (p - 50,000) = 0.025 p, so p = 55,000 / 1.025 = 53,658.53…, down.
    assert m.liquidation_price(100, 500_000, 5_000_00, 0, TIERS, DIVISOR) == 461_539
    assert m.liquidation_price(-100, 500_000, 5_000_00, 0, TIERS, DIVISOR) == 536_585
    # Long 4.00 (200,000.00) with 20,000.00: in the second tier 0.05 v - 2,500; 20,000 + v - 200,000 = 0.05 v - 2,500,
    # so v = 177,500 / 0.95 = 186,842.105…, that is 46,710.5263 each, up.
    assert m.liquidation_price(400, 500_000, 20_000_00, 0, TIERS, DIVISOR) == 467_106
    # What other positions need is not there for this one.
    assert m.liquidation_price(100, 500_000, 7_000_00, 2_000_00, TIERS, DIVISOR) == 461_539
    assert m.liquidation_price(100, 500_000, 90_000_00, 0, TIERS, DIVISOR) == 0


def test_alerts() -> None:
    # Positions that need 100.00 to begin with and 50.00 always.
    thresholds = [
        (110_00, None),  # 110 % of the initial margin
        (109_99, Alert.INITIAL_MARGIN_WARNING),
        (100_00, Alert.INITIAL_MARGIN_WARNING),
        (99_99, Alert.INITIAL_MARGIN),
        (60_00, Alert.INITIAL_MARGIN),  # 120 % of the maintenance margin
        (59_99, Alert.MAINTENANCE_MARGIN_WARNING),
        (50_00, Alert.MAINTENANCE_MARGIN_WARNING),
        (49_99, Alert.LIQUIDATION_START),
    ]
    assert [m.alert_level(equity, 100_00, 50_00) for equity, _ in thresholds] == [level for _, level in thresholds]
    assert m.alert_level(0, 0, 0) is None
    assert (m.ratio(75_00, 100_00), m.ratio(75_00, 50_00), m.ratio(-1, 1), m.ratio(5, 0)) == (750_000, 1_500_000, 0, 0)


def test_mark_price() -> None:
    terms = PerpetualTerms(premium_window_us=30_000_000, premium_clamp_ppm=5_000)
    # A premium of 60 seen for 3 of 30 seconds moves the average from 0 to 6; after 30 seconds and more it is the average.
    assert m.moved_average(0, 60, 3_000_000, 30_000_000) == 6
    assert m.moved_average(6, 60, 99_000_000, 30_000_000) == 60
    # 0.5 % of 50,000.0 are 250.0.
    assert m.mark_price(500_000, 60, terms) == 500_060
    assert m.mark_price(500_000, 9_999, terms) == 502_500
    assert m.mark_price(500_000, -9_999, terms) == 497_500


def test_funding_rate() -> None:
    terms = PerpetualTerms(interest_ppm=12, damper_ppm=62, premium_intervals=8, funding_clamp_ppm=5_000)
    assert m.funding_rate(0, terms) == 12  # no premium: the interest
    assert m.funding_rate(400, terms) == 12  # an eighth is 50; the interest pulls it by 38 to itself
    assert m.funding_rate(800, terms) == 38  # 100, pulled by 62 at most
    assert m.funding_rate(-800, terms) == -38  # -100 + 62
    assert m.funding_rate(1_000_000, terms) == 5_000


def test_funding_amount() -> None:
    # 1.00 at 50,000.0 and 100 ppm: 5.00 from the long to the short.
    assert m.funding_amount(100, 500_000, 100, DIVISOR) == -5_00
    assert m.funding_amount(-100, 500_000, 100, DIVISOR) == 5_00
    # 0.01 at 333.3 and 100 ppm: 0.0333 units; the one pays 1 unit, the other gets 0, the fund keeps it.
    assert m.funding_amount(1, 3_333, 100, DIVISOR) == -1
    assert m.funding_amount(-1, 3_333, 100, DIVISOR) == 0


def test_liquidation_fee() -> None:
    assert m.liquidation_fee(50_000_00, 5_000, 1_000_00) == 250_00
    assert m.liquidation_fee(50_000_00, 5_000, 100_00) == 100_00
    assert m.liquidation_fee(50_000_00, 5_000, -1) == 0


def test_deleveraging_score() -> None:
    # 100 % profit at leverage 2 comes before 100 % at leverage 1, before 10 % at leverage 10 with a little less profit.
    assert m.deleveraging_score(100_00, 100_00, 200_00, 100_00) == 1_000_000 * 2_000_000
    assert m.deleveraging_score(100_00, 100_00, 200_00, 200_00) == 1_000_000 * 1_000_000
    # A loss comes after every profit, and the higher the leverage the less it is moved down.
    assert m.deleveraging_score(-10_00, 100_00, 90_00, 45_00) == -100_000 * 1_000_000 // 2_000_000
    assert m.deleveraging_score(0, 100_00, 90_00, 45_00) == 0


def test_socialised_loss() -> None:
    # 10 among 100, 50 and 50: 5, 2.5 and 2.5; the half units that are left over are borne by the first.
    assert m.shares(10, [100, 50, 50]) == [6, 2, 2]
    assert m.shares(1_000, [100, 50, 50]) == [100, 50, 50]
    assert m.shares(0, []) == []
    assert m.shares(3, [0, 2, 2]) == [0, 2, 1]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"default_leverage": 30}, "leverages"),
        ({"tiers": ()}, "last risk tier"),
        ({"tiers": (RiskTier(5, 50_000, 25_000),)}, "last risk tier"),
        ({"tiers": (RiskTier(5, 50_000, 25_000), RiskTier(5, 50_000, 25_000), RiskTier(0, 50_000, 25_000))}, "rise"),
        ({"tiers": (RiskTier(0, 50_000, 45_000),)}, "6/5"),
        ({"tiers": (RiskTier(5, 50_000, 25_000), RiskTier(0, 40_000, 25_000))}, "fall"),
        ({"funding_clamp_ppm": 25_001}, "funding"),
        ({"premium_clamp_ppm": 60_000}, "band"),
        ({"liquidation_fee_ppm": -1}, "fees"),
        ({"premium_intervals": 0}, "intervals"),
    ],
)
def test_terms_that_cannot_stand_together(changes: dict[str, object], word: str) -> None:
    assert PerpetualTerms().flaw() is None
    flaw = PerpetualTerms(**changes).flaw()  # type: ignore[arg-type]
    assert flaw is not None
    assert word in flaw


# --- for all numbers ---------------------------------------------------------------------------------------------------

SIZES = st.one_of(st.integers(1, 10**6), st.integers(-(10**6), -1))
PRICES = st.integers(1, 10**7)
EQUITIES = st.integers(-(10**9), 10**11)


@given(SIZES, PRICES, EQUITIES)
def test_at_the_bankruptcy_price_nothing_is_missing_and_one_step_beyond_it_is(
    size: int, price: int, equity: int
) -> None:
    found = m.bankruptcy_price(size, price, equity, DIVISOR)
    beyond = found - 1 if size > 0 else found + 1
    assume(found > 0 and beyond >= 0)
    assert equity * DIVISOR + (found - price) * size >= 0
    assert equity * DIVISOR + (beyond - price) * size < 0


@given(SIZES, PRICES, st.integers(1, 10**11))
def test_the_liquidation_price_parts_the_secured_from_the_liquidated(size: int, price: int, equity: int) -> None:
    found = m.liquidation_price(size, price, equity, 0, TIERS, DIVISOR)
    away = (3 + 20 * DIVISOR // abs(size)) * (1 if size > 0 else -1)
    safe, gone = found + away, found - away
    assume(found > 0 and safe > 0 and gone > 0)

    def secured(mark: int) -> bool:
        needed = m.maintenance_margin(abs(size) * mark // DIVISOR, TIERS)
        return (equity * DIVISOR + (mark - price) * size) // DIVISOR >= needed

    assert secured(safe)
    assert not secured(gone)


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**5), max_size=8))
def test_shares_add_up(loss: int, means: list[int]) -> None:
    parts = m.shares(loss, means)
    assert sum(parts) == min(loss, sum(means))
    assert all(0 <= part <= own for part, own in zip(parts, means, strict=True))


@given(st.lists(SIZES, max_size=6), PRICES, st.integers(-5_000, 5_000))
def test_funding_never_pays_more_than_it_takes(sizes: list[int], mark: int, rate: int) -> None:
    sizes = [*sizes, -sum(sizes)]
    total = sum(m.funding_amount(size, mark, rate, DIVISOR) for size in sizes)
    assert -len(sizes) <= total <= 0
