"""Liquidation, worked by hand. Ann is always the one who is long; she has 1,000 and buys 80 at 100, at leverage 10.

At 92 she has lost 640. 360 are left, 5 % of 80 * 92 = 7,360 are 368: she is liquidated. Her bankruptcy price is 92 less
360 / 80 = 4.5, so 87.5, up to a whole 88: there 40 are left.
"""

from polyfeed.model.batches import Batch
from polyfeed.model.commands import ListInstrument, Proceed
from polyfeed.model.enums import CloseReason, ExecutionKind, InstrumentKind, MarginAlertKind, MarginMode, Side
from polyfeed.model.events import (
    DeleveragingStateSet,
    InsuranceFundSet,
    InsurancePremiumPaid,
    MarginAlert,
    OrderClosed,
    OwnFill,
    PositionLiquidated,
    PositionSet,
    PositionSettled,
    Trade,
)
from polyfeed.venue.perpetuals.socialising import spare
from tests.venue.driver import instrument
from tests.venue.perpetuals.driver import ANN, BOB, CAT, FUND, HOUSE, Desk, names, own, perpetual, public, told

ADL, ASSIGNED = ExecutionKind.DELEVERAGING, ExecutionKind.ASSIGNMENT


def kinds(batch: Batch, account: int) -> list[ExecutionKind]:
    """What made an account's fills."""
    return [fill.execution for fill in own(batch, account, OwnFill)]


def test_the_alerts_of_a_sinking_account() -> None:
    # 80 at 100 need 10 %, and 5 % always.
    desk = perpetual()
    desk.trade(ANN, HOUSE, 80, 100)
    heard = {}
    for price in (99, 98, 97, 98, 97, 93):
        alerts = own(desk.index(price), ANN, MarginAlert)
        heard[len(heard), price] = [(alert.kind, alert.initial_ratio_ppm) for alert in alerts]
    assert list(heard.values()) == [
        [],  # 920 left, 792 needed: more than 110 %
        [(MarginAlertKind.INITIAL_MARGIN_WARNING, 840 * 1_000_000 // 784)],  # 840 of 784, 107 %
        [(MarginAlertKind.INITIAL_MARGIN, 760 * 1_000_000 // 776)],
        [],  # it rose
        [(MarginAlertKind.INITIAL_MARGIN, 760 * 1_000_000 // 776)],  # and sank again
        [(MarginAlertKind.MAINTENANCE_MARGIN_WARNING, 440 * 1_000_000 // 744)],  # 440 of 372: less than 120 %
    ]


def test_a_position_is_closed_through_the_book() -> None:
    # The book takes all 80 at 90, better than 88: Ann loses 800. The fee is 1 % of 7,360, down: 73 for the fund.
    desk = perpetual()
    desk.trade(ANN, BOB, 80, 100)
    desk.buy(HOUSE, 100, 90)
    desk.buy(ANN, 1, 80)  # an order of hers ends before anything else
    batch = desk.index(92)
    assert [(event.side, event.size, event.bust_price) for event in public(batch, PositionLiquidated)] == [
        (Side.SELL, 80, 88)
    ]
    assert [event.reason for event in public(batch, OrderClosed)] == [CloseReason.LIQUIDATION]
    assert [(t.price, t.size, t.execution) for t in public(batch, Trade)] == [
        (90, 80, ExecutionKind.POSITION_LIQUIDATION)
    ]
    assert names(batch, ANN) == [
        "OwnOrderUpdated",  # her order ended
        "MarginAlert",
        "OwnOrderOpened",
        "OwnFill",
        "OwnOrderUpdated",
        "PositionSettled",  # what the position came to
        "PositionSettled",  # the fee
        "InsurancePremiumPaid",
        "MarginAlert",
        "PositionSet",
    ]
    start, end = own(batch, ANN, MarginAlert)
    assert (start.kind, start.maintenance_ratio_ppm) == (MarginAlertKind.LIQUIDATION_START, 360 * 1_000_000 // 368)
    assert end.kind is MarginAlertKind.LIQUIDATION_CONCLUDED
    closing, fee = own(batch, ANN, PositionSettled)
    assert (closing.from_price, closing.amount, closing.closed) == (-800, -800, True)
    assert (fee.from_liquidation_fees, fee.amount) == (-73, -73)
    assert own(batch, ANN, InsurancePremiumPaid)[0].amount == 73
    assert (desk.cash(ANN), desk.cash(FUND), desk.position(ANN).size) == (127, 73, 0)
    assert [event.balance for event in public(batch, InsuranceFundSet)] == [73]


def test_what_the_book_does_not_take_goes_to_the_insurance_fund() -> None:
    # At 89 Ann has 120. 30 at 88 in the book: 360 lost. 90 are left for 50, so the bankruptcy price is 89 - 1.8, up to 88.
    # The fund takes 50 there: 600 lost, and the last 40 are the fee. It has 2,040 and gains 50 at the mark.
    desk = perpetual(fund=2_000)
    desk.trade(ANN, BOB, 80, 100)
    desk.buy(HOUSE, 30, 88)
    batch = desk.index(89)
    assert kinds(batch, ANN) == [ExecutionKind.POSITION_LIQUIDATION, ASSIGNED]
    assert (desk.cash(ANN), desk.cash(FUND)) == (0, 2_040)
    assert (desk.position(FUND).size, desk.position(FUND).basis, desk.position(FUND).profit) == (50, 4_400, 50)
    assert public(batch, DeleveragingStateSet) == []
    # With the next price it offers what it has to the book: 20 at 93 gain 100.
    desk.buy(HOUSE, 20, 93)
    batch = desk.index(94)
    assert [(t.price, t.size, t.execution) for t in public(batch, Trade)] == [(93, 20, ExecutionKind.TRADE)]
    assert (desk.cash(FUND), desk.position(FUND).size) == (2_140, 30)


def test_an_isolated_position_that_the_book_leaves_secured_keeps_its_margin() -> None:
    # 40 at 100 with 400 behind them. At 94 they have 160 of 188. 10 at 93 lose 70; 150 are left for 30, which need 141.
    # The fee of 1 % of 940 is 9, of which there are 9: 141 are left, and 141 + 180 are in the margin.
    desk = perpetual()
    desk.leverage(ANN, 10, MarginMode.ISOLATED)
    desk.trade(ANN, BOB, 40, 100)
    desk.buy(HOUSE, 10, 93)
    batch = desk.index(94)
    position = desk.position(ANN)
    assert (position.size, position.margin, desk.cash(ANN), desk.cash(FUND)) == (30, 321, 921, 9)
    assert not told(batch, ANN).liquidating
    assert [event.closed for event in own(batch, ANN, PositionSettled)] == [False, False]


def short_of_fund() -> Desk:
    """Ann's 80 come from Bob, 50, and Cat, 30."""
    desk = perpetual()
    desk.trade(ANN, BOB, 50, 100)
    desk.trade(ANN, CAT, 30, 100)
    return desk


def test_without_a_fund_the_other_side_is_deleveraged_in_the_order_of_rank() -> None:
    # At 92 both have 8 % profit; Bob has 4,600 on 1,400, Cat 2,760 on 1,240. So Bob is first: at 88 he gains 50 * 12 =
    # 600. That leaves Ann 360 - 200 = 160 for 30, so Cat's price is 92 - 160 / 30 = 86.67, up to 87: she gains 390.
    # Ann has lost 990 and pays the 10 that are left as a fee.
    desk = short_of_fund()
    batch = desk.index(92)
    assert (kinds(batch, ANN), kinds(batch, BOB), kinds(batch, CAT)) == ([ADL, ADL], [ADL], [ADL])
    assert [fill.size for fill in own(batch, ANN, OwnFill)] == [50, 30]
    assert (desk.cash(ANN), desk.cash(BOB), desk.cash(CAT), desk.cash(FUND)) == (0, 1_600, 1_390, 10)
    assert [event.active for event in public(batch, DeleveragingStateSet)] == [True, False]
    assert public(batch, Trade) == []
    assert told(batch, BOB).size == 0


def test_ranks_are_told() -> None:
    desk = short_of_fund()
    batch = desk.index(95)
    assert (told(batch, ANN).deleveraging_rank, told(batch, BOB).deleveraging_rank) == (5, 5)
    assert told(batch, CAT).deleveraging_rank == 3  # the second of two: 5 - 5 * 1 // 2


def test_a_gap_beyond_the_bankruptcy_price_is_borne_by_those_who_gained_by_it() -> None:
    # At 80 Ann is 600 short, and her bankruptcy price is 87.5 as before. Bob gains 600 instead of 1,000, Cat 390
    # instead of 600.
    desk = short_of_fund()
    desk.index(80)
    assert (desk.cash(ANN), desk.cash(BOB), desk.cash(CAT), desk.cash(FUND)) == (0, 1_600, 1_390, 10)


def in_debt(fund: int) -> Desk:
    """Ann is long 50 at 100, so her bankruptcy price is 80; Cat is short 50 at 79, where she would lose 50."""
    desk = perpetual(fund=fund)
    desk.trade(ANN, BOB, 50, 100)
    desk.index(85)  # Ann has 250 left, of 213 that she needs
    desk.trade(BOB, CAT, 50, 79)  # Bob takes 1,050 with him
    assert (desk.cash(BOB), desk.position(BOB).size) == (2_050, 0)
    return desk


def test_a_loss_that_nobody_can_be_deleveraged_for_is_socialised() -> None:
    # At 60 Ann is 1,000 short. Cat's 50 close at the mark, a profit of 950; then she, who has 1,950, bears the 1,000.
    desk = in_debt(fund=0)
    batch = desk.index(60)
    assert (kinds(batch, ANN), kinds(batch, CAT)) == ([ASSIGNED], [ASSIGNED])
    assert (desk.cash(ANN), desk.cash(CAT), desk.cash(BOB)) == (0, 950, 2_050)
    gain, share = own(batch, CAT, PositionSettled)
    assert (gain.from_price, share.from_socialised_loss, share.amount) == (950, -1_000, -1_000)


def test_the_fund_pays_first() -> None:
    # It has 300: too little to take over 50 that are 1,000 below their price, so it pays what it has.
    desk = in_debt(fund=300)
    desk.index(60)
    assert (desk.cash(ANN), desk.cash(CAT), desk.cash(FUND)) == (0, 1_250, 0)


def test_an_isolated_position_takes_nothing_else_with_it() -> None:
    # 20 at 100 with 200 behind them. At 89 they are 20 short; bankruptcy price 90, where Bob is deleveraged.
    desk = perpetual()
    desk.leverage(ANN, 10, MarginMode.ISOLATED)
    desk.trade(ANN, BOB, 20, 100)
    desk.index(89)
    assert (desk.cash(ANN), desk.free(ANN), desk.position(ANN).margin) == (800, 800, 0)
    assert desk.cash(BOB) == 1_200


def test_a_short_position_is_liquidated_upwards() -> None:
    # Bob is short 80. At 108 he has 360 of 432; bankruptcy price 108 + 4.5, down to 112. 80 at 110 in the book: 800 lost;
    # 1 % of 8,640 is 86.
    desk = perpetual()
    desk.trade(ANN, BOB, 80, 100)
    desk.sell(HOUSE, 80, 110)
    batch = desk.index(108)
    assert [(event.side, event.bust_price) for event in public(batch, PositionLiquidated)] == [(Side.BUY, 112)]
    assert (desk.cash(BOB), desk.cash(FUND)) == (114, 86)


def test_the_fund_can_be_liquidated_too() -> None:
    # To take 80 at 88 it needs 736 at 92, where it has 500 + 320; and it gets Ann's last 40 as a fee. At 84 it has
    # 540 - 320 = 220 of the 336 that are needed. 84 - 220 / 80 = 81.25: Bob's 50 close at 82. That leaves it 120 for 30,
    # which Cat closes at 84 - 4 = 80.
    desk = perpetual(fund=500)
    desk.trade(ANN, BOB, 50, 100)
    desk.trade(ANN, CAT, 30, 100)
    desk.index(92)
    assert (desk.position(FUND).size, desk.cash(FUND)) == (80, 540)
    batch = desk.index(84)
    assert kinds(batch, FUND) == [ADL, ADL]
    assert (desk.position(FUND).size, desk.cash(FUND)) == (0, 0)
    assert (desk.cash(BOB), desk.cash(CAT)) == (1_000 + 50 * 18, 1_000 + 30 * 20)


def test_a_liquidation_goes_on_over_many_batches() -> None:
    whole, parts = short_of_fund(), short_of_fund()
    parts.venue.batch_limit = 16
    whole.index(92)
    batches = [parts.index(92)]
    while batches[-1].more:
        batches.append(parts.do(Proceed()))
    assert len(batches) > 3
    for account in (ANN, BOB, CAT, FUND):
        assert parts.cash(account) == whole.cash(account)
    assert not any(isinstance(event, PositionSet) and event.liquidating for event in batches[-1].private.get(ANN, []))


def test_a_liquidation_ends_as_soon_as_what_is_left_is_secured() -> None:
    # Ann is long 40 at 100 in two markets. At 82 in the first she has 280 of the 164 + 200 that she needs. The second
    # position needs most: its 40 go at 99, a loss of 40, and the fee is 1 % of 4,000. 200 are left for 164.
    desk = perpetual()
    terms = desk.venue._state.markets[0].instrument.perpetual
    other = instrument(id=1, name="ETH-USD-PERP", kind=InstrumentKind.PERPETUAL, perpetual=terms)
    desk.do(ListInstrument(other))
    desk.index(100, market=1)
    for market in (0, 1):
        desk.trade(ANN, HOUSE, 40, 100, market)
        desk.buy(HOUSE, 40, 99, instrument=market)
    batch = desk.index(82)
    assert [event.instrument for event in public(batch, PositionLiquidated)] == [1]
    assert (desk.position(ANN, 0).size, desk.position(ANN, 1).size, desk.cash(ANN)) == (40, 0, 920)
    assert desk.cash(FUND) == 40


def test_the_fund_pays_only_what_its_own_positions_do_not_need() -> None:
    # It takes Ann's 80 at 88 and her last 40. At 92 it has 540 and a profit of 320; its 80 need 5 % of 7,360.
    desk = perpetual(fund=500)
    fund = desk.venue._state.accounts[FUND]
    desk.trade(ANN, BOB, 80, 100)
    desk.index(92)
    assert desk.position(FUND).size == 80
    assert spare(fund, "USD") == 540 + 320 - 368
