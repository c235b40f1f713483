"""Opening, closing and turning positions; what they need and what they gain. All numbers are worked in the comments."""

import pytest

from polyfeed.model.commands import AddMargin, PlaceOrder, SetIndexPrice, SetLeverage
from polyfeed.model.enums import CloseReason, InstrumentKind, MarginMode, OrderKind, Refusal, Side
from polyfeed.model.events import LeverageSet, OpenInterestSet, OrderClosed, OwnFill, PositionSettled
from polyfeed.model.perpetuals import PerpetualTerms
from polyfeed.venue import Venue
from tests.venue.driver import instrument, order_id
from tests.venue.perpetuals.driver import ANN, BOB, CAT, FUND, HOUSE, names, own, perpetual, public, told

ISOLATED = MarginMode.ISOLATED


def test_a_trade_opens_a_position_for_either_side() -> None:
    # 20 at 100 are worth 2,000: 200 to begin with at leverage 10, 100 always.
    desk = perpetual()
    batch = desk.trade(ANN, BOB, 20, 100)
    ann, bob = told(batch, ANN), told(batch, BOB)
    assert (ann.size, ann.entry_price, ann.mark_price, ann.unrealised_profit) == (20, 100, 100, 0)
    assert (ann.initial_margin, ann.maintenance_margin, ann.leverage) == (200, 100, 10)
    # Ann has 1,000: gone when 20 fall by 50. Liquidated when 1,000 + 20 (p - 100) = 20 p / 20, so at p = 1000/19, up.
    assert (ann.bankruptcy_price, ann.liquidation_price) == (50, 53)
    # Bob: at 150; 1,000 - 20 (p - 100) = p, so at p = 3000/21 = 142.86, down.
    assert (bob.size, bob.bankruptcy_price, bob.liquidation_price) == (-20, 150, 142)
    assert (desk.cash(ANN), desk.free(ANN), desk.free(BOB)) == (1_000, 800, 800)
    assert [event.size for event in public(batch, OpenInterestSet)] == [20]
    assert names(batch, ANN) == ["OwnOrderOpened", "OwnFill", "OwnOrderUpdated", "PositionSet"]


def test_profits_are_unrealised_until_a_position_is_closed() -> None:
    desk = perpetual()
    desk.trade(ANN, BOB, 20, 100)
    batch = desk.index(110)  # Ann gains 200, Bob loses it; 20 are now worth 2,200
    assert (told(batch, ANN).unrealised_profit, told(batch, BOB).unrealised_profit) == (200, -200)
    assert (desk.cash(ANN), desk.free(ANN)) == (1_000, 980)  # 1,000 + 200 - 220
    assert (desk.cash(BOB), desk.free(BOB)) == (1_000, 580)  # 1,000 - 200 - 220
    batch = desk.trade(BOB, ANN, 5, 110)  # a quarter is closed: 50 realised on either side
    assert (desk.cash(ANN), desk.cash(BOB)) == (1_050, 950)
    (settled,) = own(batch, ANN, PositionSettled)
    assert (settled.price, settled.strike_price, settled.amount, settled.from_price) == (110, 100, 50, 50)
    assert not settled.closed
    (fill,) = own(batch, ANN, OwnFill)
    assert (fill.realised_profit, fill.closed_size) == (50, 5)
    assert (told(batch, ANN).size, told(batch, ANN).realised_profit, told(batch, ANN).unrealised_profit) == (
        15,
        50,
        150,
    )
    batch = desk.trade(BOB, ANN, 15, 110)
    assert (desk.cash(ANN), desk.cash(BOB), desk.free(ANN)) == (1_200, 800, 1_200)
    assert own(batch, ANN, PositionSettled)[0].closed
    assert (told(batch, ANN).size, told(batch, ANN).liquidation_price) == (0, 0)
    assert [event.size for event in public(batch, OpenInterestSet)] == [0]


def test_a_fill_beyond_the_position_turns_it() -> None:
    desk = perpetual()
    desk.trade(ANN, BOB, 10, 100)
    first = desk.position(ANN).id
    batch = desk.trade(CAT, ANN, 25, 104)  # Ann closes 10 with 40 profit and is short 15 at 104
    (settled,) = own(batch, ANN, PositionSettled)
    assert (settled.position_id, settled.amount, settled.closed) == (first, 40, True)
    assert (told(batch, ANN).size, told(batch, ANN).entry_price) == (-15, 104)
    assert told(batch, ANN).position_id != first
    assert desk.cash(ANN) == 1_040


def test_settlements_account_for_the_fees_of_the_part_that_is_closed() -> None:
    # 1 % for the taker, 0 for the maker. Ann buys 20 for 2,000 (fee 20) and sells 5 for 550 (fee 5).
    desk = perpetual(taker_fee_ppm=10_000)
    desk.trade(ANN, BOB, 20, 100)
    assert desk.cash(ANN) == 980
    desk.index(110)
    desk.buy(BOB, 5, 110)
    batch = desk.sell(ANN, 5, 110)
    (settled,) = own(batch, ANN, PositionSettled)
    assert (settled.from_price, settled.from_trading_fees, settled.amount) == (50, -10, 40)  # 20 / 4 + 5
    assert desk.cash(ANN) == 980 + 50 - 5
    desk.buy(BOB, 15, 110)
    (settled,) = own(desk.sell(ANN, 15, 110), ANN, PositionSettled)
    assert (settled.from_price, settled.from_trading_fees) == (150, -31)  # 15 left + 16 for 1,650
    assert desk.cash(ANN) == 1_000 + 40 + 150 - 31


def test_orders_need_initial_margin_on_the_side_on_which_the_position_grows() -> None:
    desk = perpetual()
    assert desk.refused(PlaceOrder(ANN, 0, Side.BUY, OrderKind.LIMIT, 101, 100)) is Refusal.INSUFFICIENT_FUNDS
    desk.buy(ANN, 60, 100)
    assert desk.free(ANN) == 400
    desk.sell(ANN, 60, 110, self_trade=0)  # the other side is worth 6,600; it is the greater one
    assert desk.free(ANN) == 340
    assert desk.refused(PlaceOrder(ANN, 0, Side.SELL, OrderKind.LIMIT, 40, 100)) is Refusal.INSUFFICIENT_FUNDS
    desk.cancel_all(ANN)
    assert desk.free(ANN) == 1_000
    # An order at a price worse than the mark loses at once what lies between: 10 * 20, and needs 10 % of 1,200.
    desk.buy(ANN, 10, 120)
    assert desk.free(ANN) == 1_000 - 120 - 200


def test_an_order_that_only_closes_needs_nothing() -> None:
    desk = perpetual(money=1_000)
    desk.trade(ANN, BOB, 100, 100)
    assert desk.free(ANN) == 0
    desk.sell(ANN, 100, 101)
    assert desk.free(ANN) == 0
    assert desk.refused(PlaceOrder(ANN, 0, Side.BUY, OrderKind.LIMIT, 1, 100)) is Refusal.INSUFFICIENT_FUNDS


def test_each_fill_is_checked_where_an_order_has_no_price() -> None:
    # A market buy of 60 is taken at the mark, 6,000. The asks are at 100 and 130: the 30 at 130 would lose 900 at once,
    # leaving 100 of 1,000 where 600 are needed.
    desk = perpetual()
    desk.sell(HOUSE, 30, 100)
    desk.sell(HOUSE, 30, 130)
    batch = desk.buy(ANN, 60)
    assert desk.position(ANN).size == 30
    assert public(batch, OrderClosed)[-1].reason is CloseReason.NO_FUNDS


def test_a_resting_order_whose_margin_is_gone_makes_way() -> None:
    # Bob's bid of 80 at 100 would lose 80 * 20 if it were filled at a mark of 80; the index takes it out.
    desk = perpetual()
    desk.buy(BOB, 80, 100)
    batch = desk.index(80)
    assert [event.reason for event in public(batch, OrderClosed)] == [CloseReason.NO_FUNDS]
    assert desk.free(BOB) == 1_000


def test_reduce_only_orders_reduce_and_end_with_the_position() -> None:
    desk = perpetual()
    for side in Side:
        refused = desk.refused(PlaceOrder(ANN, 0, side, OrderKind.LIMIT, 5, 110, reduce_only=True))
        assert refused is Refusal.INVALID_TERMS
    desk.trade(ANN, BOB, 10, 100)
    resting = desk.sell(ANN, 10, 110, reduce_only=True)
    desk.buy(CAT, 4, 100)
    batch = desk.sell(ANN, 4)
    assert desk.position(ANN).size == 6
    batch = desk.buy(CAT, 10, 110)  # the resting order has 10, of which 6 can reduce
    assert desk.position(ANN).size == 0
    closed = {event.order_id: event for event in public(batch, OrderClosed)}
    assert (closed[order_id(resting)].reason, closed[order_id(resting)].left) == (CloseReason.REDUCE_ONLY, 4)
    assert desk.position(CAT).size == 10


def test_a_taker_that_reduces_stops_at_nothing() -> None:
    desk = perpetual()
    desk.trade(ANN, BOB, 10, 100)
    desk.buy(CAT, 30, 100)
    batch = desk.sell(ANN, 30, close_on_trigger=True)
    assert desk.position(ANN).size == 0
    assert public(batch, OrderClosed)[-1].reason is CloseReason.REDUCE_ONLY


def test_isolated_positions_have_their_own_margin() -> None:
    # At leverage 5, 20 at 100 take 400 out of the 1,000. Half of it closed gives half of the margin back.
    desk = perpetual()
    desk.leverage(ANN, 5, ISOLATED)
    batch = desk.trade(ANN, BOB, 20, 100)
    assert (told(batch, ANN).margin, told(batch, ANN).bankruptcy_price) == (400, 80)
    assert (desk.cash(ANN), desk.free(ANN)) == (1_000, 600)
    desk.index(110)  # a gain of an isolated position is not free
    assert desk.free(ANN) == 600
    desk.trade(BOB, ANN, 10, 110)
    assert (desk.position(ANN).margin, desk.cash(ANN), desk.free(ANN)) == (200, 1_100, 900)
    desk.trade(BOB, ANN, 10, 110)
    assert (desk.position(ANN).margin, desk.cash(ANN), desk.free(ANN)) == (0, 1_200, 1_200)


def test_margin_can_be_added_to_an_isolated_position_and_taken_back() -> None:
    desk = perpetual()
    desk.leverage(ANN, 10, ISOLATED)
    desk.trade(ANN, BOB, 20, 100)
    batch = desk.do(AddMargin(ANN, 0, 100))
    assert (told(batch, ANN).margin, told(batch, ANN).bankruptcy_price, desk.free(ANN)) == (300, 85, 700)
    assert desk.refused(AddMargin(ANN, 0, 701)) is Refusal.INSUFFICIENT_FUNDS
    assert desk.refused(AddMargin(ANN, 0, -101)) is Refusal.INSUFFICIENT_FUNDS
    desk.do(AddMargin(ANN, 0, -100))
    assert desk.free(ANN) == 800
    assert desk.refused(AddMargin(BOB, 0, 1)) is Refusal.INVALID_TERMS


def test_a_gain_cannot_be_taken_out_of_an_isolated_margin() -> None:
    # 200 and 100 more are behind 20 at 100. At 110 there are 500, and 220 are needed: of the 300 that were given 80 can go.
    desk = perpetual()
    desk.leverage(ANN, 10, ISOLATED)
    desk.trade(ANN, BOB, 20, 100)
    desk.do(AddMargin(ANN, 0, 100))
    desk.index(110)
    assert desk.refused(AddMargin(ANN, 0, -81)) is Refusal.INSUFFICIENT_FUNDS
    desk.do(AddMargin(ANN, 0, -80))
    assert desk.position(ANN).margin == 220


def test_leverage_changes_what_is_needed() -> None:
    desk = perpetual()
    desk.trade(ANN, BOB, 20, 100)
    batch = desk.leverage(ANN, 4)
    assert own(batch, ANN, LeverageSet)[0].leverage == 4
    assert desk.free(ANN) == 500
    assert desk.refused(SetLeverage(ANN, 0, 1)) is Refusal.INSUFFICIENT_FUNDS
    assert desk.position(ANN).leverage == 4
    assert desk.refused(SetLeverage(ANN, 0, 11)) is Refusal.INVALID_TERMS
    assert desk.refused(SetLeverage(ANN, 0, 4, ISOLATED)) is Refusal.INVALID_TERMS
    assert desk.refused(SetLeverage(ANN, 7, 4)) is Refusal.UNKNOWN_INSTRUMENT
    desk.leverage(CAT, 3, market=-1)
    assert desk.position(CAT).leverage == 3


def test_house_accounts_need_no_margin() -> None:
    desk = perpetual()
    desk.sell(HOUSE, 1_000_000, 100)
    desk.buy(ANN, 10, 100)
    assert (desk.position(HOUSE).size, desk.cash(HOUSE), desk.free(HOUSE)) == (-10, 0, 0)
    desk.index(150)
    assert desk.position(HOUSE).size == -10


def test_a_price_beyond_the_band_is_refused() -> None:
    desk = perpetual(price_band_ppm=100_000)
    assert desk.refused(PlaceOrder(ANN, 0, Side.BUY, OrderKind.LIMIT, 1, 111)) is Refusal.INVALID_PRICE
    assert desk.refused(PlaceOrder(ANN, 0, Side.SELL, OrderKind.LIMIT, 1, 89)) is Refusal.INVALID_PRICE
    desk.sell(HOUSE, 5, 120)
    batch = desk.buy(ANN, 5)  # a market order goes no further either
    assert public(batch, OrderClosed)[-1].reason is CloseReason.MARKET_REST


def test_what_is_asked_of_the_market() -> None:
    desk = perpetual(index=0)
    assert desk.refused(PlaceOrder(ANN, 0, Side.BUY, OrderKind.LIMIT, 1, 100)) is Refusal.MARKET_CLOSED
    assert desk.refused(SetIndexPrice(0, 0)) is Refusal.INVALID_PRICE
    assert desk.refused(SetIndexPrice(3, 5)) is Refusal.UNKNOWN_INSTRUMENT
    assert desk.refused(PlaceOrder(ANN, 0, Side.BUY, OrderKind.INSTANT, 0, amount=500)) is Refusal.INVALID_TERMS
    assert desk.venue._state.accounts[FUND].house is False


@pytest.mark.parametrize(
    "terms",
    [
        {"kind": InstrumentKind.PERPETUAL},
        {"perpetual": PerpetualTerms()},
        {"kind": InstrumentKind.PERPETUAL, "perpetual": PerpetualTerms(tiers=())},
    ],
)
def test_a_perpetual_needs_sound_terms(terms: dict[str, object]) -> None:
    from polyfeed.model.commands import ListInstrument

    desk = perpetual()
    refused = desk.refused(ListInstrument(instrument(id=1, name="other", **terms)))
    assert refused is Refusal.INVALID_TERMS
    assert isinstance(desk.venue, Venue)
