"""Mark price, funding rate and payments, worked by hand."""

from polyfeed.model.commands import Clock, Proceed
from polyfeed.model.enums import MarginMode
from polyfeed.model.events import FundingPaid, FundingRateSet, FundingSettled, MarkPriceSet, PositionSettled
from polyfeed.model.perpetuals import HOUR_US
from tests.venue.perpetuals.driver import ANN, BOB, CAT, FUND, HOUSE, own, perpetual, public, told


def test_the_mark_price_follows_the_book_slowly_and_within_bounds() -> None:
    # The middle lies 10,000, 10 %, above the index. After 0.302 s of a window of 30 s the average is 100; 1 % is the most.
    desk = perpetual(index=100_000, premium_clamp_ppm=10_000)
    desk.buy(HOUSE, 1, 109_000)
    desk.sell(HOUSE, 1, 111_000)
    desk.ts += 300_000 - 1_000
    batch = desk.index(100_000)
    assert [event.price for event in public(batch, MarkPriceSet)] == [100_000 + 10_000 * 302 // 30_000]
    desk.ts += 60_000_000
    assert [event.price for event in public(desk.index(100_000), MarkPriceSet)] == [101_000]
    # Without asks there is no premium to be seen.
    desk.cancel_all(HOUSE)
    desk.ts += 60_000_000
    assert [event.price for event in public(desk.index(100_000), MarkPriceSet)] == [100_000]


def test_the_rate_is_told_as_things_stand() -> None:
    # A premium of 1 % that stands until the hour: an eighth of it is 1,250 ppm, and no interest pulls at it.
    desk = perpetual(index=100_000, premium_clamp_ppm=10_000)
    desk.buy(HOUSE, 1, 109_000)
    desk.sell(HOUSE, 1, 111_000)
    desk.ts += 60_000_000
    batch = desk.index(100_000)  # the minute before had no premium
    assert public(batch, FundingRateSet) == []
    desk.ts += 60_000_000
    batch = desk.index(100_000)  # half of the time had one
    (event,) = public(batch, FundingRateSet)
    assert 620 <= event.rate_ppm <= 626
    assert event.next_funding_ts % HOUR_US == 0
    assert desk.venue.deadline() == event.next_funding_ts


def test_funding_is_paid_every_hour() -> None:
    # 1,000 ppm of 20 * 103 = 2,060: 2.06. Ann, who is long, pays 3, Bob gets 2, the fund keeps 1.
    desk = perpetual(interest_ppm=1_000, damper_ppm=1_000)
    desk.trade(ANN, BOB, 20, 100)
    desk.index(103)
    due = desk.venue.deadline()
    assert due is not None
    desk.ts = due - 2_000
    assert public(desk.do(Clock()), FundingSettled) == []
    batch = desk.do(Clock())
    assert [(event.rate_ppm, event.mark_price) for event in public(batch, FundingSettled)] == [(1_000, 103)]
    assert [event.amount for event in own(batch, ANN, FundingPaid)] == [-3]
    assert [event.amount for event in own(batch, BOB, FundingPaid)] == [2]
    assert (desk.cash(ANN), desk.cash(BOB), desk.cash(FUND)) == (997, 1_002, 1)
    assert told(batch, ANN).funding == -3
    assert desk.venue.deadline() == due + HOUR_US
    # Three hours without a command are one payment.
    desk.ts += 3 * HOUR_US
    assert len(own(desk.do(Clock()), ANN, FundingPaid)) == 1


def test_a_settlement_accounts_for_the_funding_of_its_part() -> None:
    # At 100 Ann pays 2 for 20. A quarter of that (0.5) is nothing, what is left comes with the end.
    desk = perpetual(interest_ppm=1_000, damper_ppm=1_000)
    desk.trade(ANN, BOB, 20, 100)
    desk.ts += HOUR_US
    desk.do(Clock())
    (settled,) = own(desk.trade(BOB, ANN, 5, 100), ANN, PositionSettled)
    assert (settled.from_funding, settled.amount) == (0, 0)
    (settled,) = own(desk.trade(BOB, ANN, 15, 100), ANN, PositionSettled)
    assert (settled.from_funding, settled.amount, settled.closed) == (-2, -2, True)


def test_an_isolated_position_pays_from_its_own_margin() -> None:
    desk = perpetual(interest_ppm=1_000, damper_ppm=1_000)
    desk.leverage(ANN, 10, MarginMode.ISOLATED)
    desk.trade(ANN, BOB, 20, 100)
    desk.ts += HOUR_US
    desk.do(Clock())
    assert (desk.position(ANN).margin, desk.cash(ANN), desk.free(ANN)) == (198, 998, 800)


def test_funding_goes_on_over_many_batches_and_before_the_command_that_it_meets() -> None:
    desk = perpetual(interest_ppm=1_000, damper_ppm=1_000, batch_limit=16)
    desk.trade(ANN, BOB, 20, 100)
    desk.trade(CAT, BOB, 20, 100)
    desk.ts += HOUR_US
    batches = desk.whole(Clock())
    assert len(batches) > 1
    paid = [event.amount for batch in batches for event in own(batch, BOB, FundingPaid)]
    assert (paid, desk.cash(ANN), desk.cash(CAT), desk.cash(BOB)) == ([4], 998, 998, 1_004)
    assert desk.send(Proceed()).outcome.refusal is not None
