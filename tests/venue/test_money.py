"""What orders hold, what fills cost, and where the fees go."""

from collections.abc import Sequence

import pytest

from polyfeed.model.commands import DefineCurrency, Deposit, ListInstrument, OpenAccount, PlaceOrder
from polyfeed.model.enums import BalanceCause, CloseReason, OrderKind, Refusal, SelfTrade, Side, TimeInForce
from polyfeed.model.events import BalanceSet, OrderClosed, OwnFill, OwnOrderUpdated, PrivateEvent
from polyfeed.model.formulas import fee
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.venue.ledger import affordable
from polyfeed.venue.orders import Order
from tests.venue.driver import ANN, BOB, CAT, FEES, HOUSE, Driver, balances, last, opened, order_id, trades, trading

BUY, SELL = Side.BUY, Side.SELL
PERCENT = 10_000


def fills(events: Sequence[PrivateEvent]) -> list[tuple[int, int]]:
    """The (value, fee) of an account's fills."""
    return [(event.value, event.fee) for event in events if isinstance(event, OwnFill)]


def test_fees_are_taken_in_the_quote_currency_from_both_sides() -> None:
    driver = trading(maker_fee_ppm=1 * PERCENT, taker_fee_ppm=2 * PERCENT)
    driver.sell(ANN, 5, 100)
    batch = driver.buy(BOB, 5, 100)
    assert fills(batch.private[BOB]) == [(500, 10)]
    assert fills(batch.private[ANN]) == [(500, 5)]
    assert balances(batch, BOB) == {"USD": (1_000_000 - 510, 0), "BTC": (1_000_005, 0)}
    assert balances(batch, ANN) == {"USD": (1_000_000 + 495, 0), "BTC": (999_995, 0)}
    assert batch.private[FEES] == [BalanceSet("USD", 15, 0, BalanceCause.FEE, 15)]
    assert last(batch.private[BOB], OwnOrderUpdated).fees == 10


def test_a_selling_taker_pays_from_what_the_sale_brought() -> None:
    driver = trading(maker_fee_ppm=1 * PERCENT, taker_fee_ppm=2 * PERCENT)
    driver.buy(ANN, 5, 100)
    batch = driver.sell(BOB, 5, 100)
    assert balances(batch, BOB) == {"USD": (1_000_000 + 490, 0), "BTC": (999_995, 0)}
    assert balances(batch, ANN) == {"USD": (1_000_000 - 505, 0), "BTC": (1_000_005, 0)}


def test_a_rebate_comes_from_the_fee_account() -> None:
    driver = trading(maker_fee_ppm=-1 * PERCENT)
    driver.sell(ANN, 5, 100)
    batch = driver.buy(BOB, 5, 100)
    assert fills(batch.private[ANN]) == [(500, -5)]
    assert balances(batch, ANN)["USD"] == (1_000_505, 0)
    assert balances(batch, FEES) == {"USD": (-5, 0)}


def test_an_accounts_own_rates_replace_the_instruments() -> None:
    driver = trading(maker_fee_ppm=1 * PERCENT, taker_fee_ppm=2 * PERCENT)
    driver.do(OpenAccount(5, "eve", maker_fee_ppm=0))
    driver.do(OpenAccount(6, "fay", taker_fee_ppm=3 * PERCENT))
    driver.deposit(5, "BTC", 10)
    driver.deposit(6, "USD", 10_000)
    driver.sell(5, 5, 100)
    batch = driver.buy(6, 2, 100)
    assert fills(batch.private[5]) == [(200, 0)]
    assert fills(batch.private[6]) == [(200, 6)]
    driver.buy(6, 5, 99)
    assert fills(driver.sell(5, 5).private[6]) == [(495, 4)], "its maker's rate is still the instrument's: 4.95 down"


def test_costs_and_fees_are_rounded_down() -> None:
    """3 cents times 0.5 is 1.5 cents: 1 cent, of which 10 % is nothing; and each of three fills rounds for itself."""
    driver = Driver()
    driver.do(DefineCurrency(Currency("USD", 2)))
    driver.do(DefineCurrency(Currency("BTC", 1)))
    driver.do(ListInstrument(Instrument(0, "X", "BTC", "USD", 2, 1, 1, 1, 1, taker_fee_ppm=10 * PERCENT)))
    for account in (ANN, BOB):
        driver.do(OpenAccount(account, ""))
    driver.deposit(ANN, "BTC", 100)
    driver.deposit(BOB, "USD", 100)
    for _ in range(3):
        driver.sell(ANN, 5, 3)
    batch = driver.buy(BOB, 15, 3)
    assert fills(batch.private[BOB]) == [(1, 0)] * 3
    assert balances(batch, BOB) == {"USD": (97, 0), "BTC": (15, 0)}, "15 at once would have cost 4, and 4 was held"


def test_sizes_are_scaled_to_the_base_currency() -> None:
    driver = Driver()
    driver.do(DefineCurrency(Currency("USD", 2)))
    driver.do(DefineCurrency(Currency("BTC", 8)))
    driver.do(ListInstrument(Instrument(0, "X", "BTC", "USD", 1, 3, 1, 1, 1)))
    driver.do(OpenAccount(ANN, "ann"))
    driver.deposit(ANN, "BTC", 1_0000_0000)
    assert balances(driver.sell(ANN, 250, 10), ANN) == {"BTC": (1_0000_0000, 2500_0000)}
    driver.do(OpenAccount(HOUSE, "house", house=True))
    batch = driver.buy(HOUSE, 250)  # 0.250 at 1.0
    assert balances(batch, ANN) == {"BTC": (7500_0000, 0), "USD": (25, 0)}
    driver.buy(HOUSE, 100, 20)
    batch = driver.sell(ANN, 100)  # 0.100 at 2.0
    assert balances(batch, ANN) == {"BTC": (6500_0000, 0), "USD": (45, 0)}
    assert balances(batch, HOUSE) == {"BTC": (3500_0000, 0), "USD": (-45, 0)}


def test_a_limit_buy_holds_its_cost_and_the_higher_fee() -> None:
    driver = trading(maker_fee_ppm=1 * PERCENT, taker_fee_ppm=2 * PERCENT)
    assert balances(driver.buy(ANN, 5, 100), ANN) == {"USD": (1_000_000, 510)}
    assert balances(driver.buy(BOB, 5, 100, post_only=True), BOB) == {"USD": (1_000_000, 505)}, "never a taker"
    assert balances(driver.sell(CAT, 5, 110), CAT) == {"BTC": (1_000_000, 5)}


def test_a_rebate_is_not_counted_on_beforehand() -> None:
    driver = trading(maker_fee_ppm=-2 * PERCENT, taker_fee_ppm=-1 * PERCENT)
    assert balances(driver.buy(ANN, 5, 100), ANN) == {"USD": (1_000_000, 500)}


def test_a_better_price_sets_free_what_was_held_for_the_worse() -> None:
    driver = trading()
    driver.sell(BOB, 3, 90)
    batch = driver.buy(ANN, 5, 100)
    assert balances(batch, ANN) == {"USD": (1_000_000 - 270, 200), "BTC": (1_000_003, 0)}


def test_an_order_that_cannot_be_paid_is_refused() -> None:
    driver = trading(money=1000, taker_fee_ppm=1 * PERCENT)
    assert driver.refused(PlaceOrder(ANN, 0, BUY, OrderKind.LIMIT, 10, 100)) is Refusal.INSUFFICIENT_FUNDS
    driver.buy(ANN, 9, 100)
    assert driver.refused(PlaceOrder(ANN, 0, BUY, OrderKind.LIMIT, 1, 92)) is Refusal.INSUFFICIENT_FUNDS
    driver.buy(ANN, 1, 91)  # 909 and 91 are held
    assert driver.refused(PlaceOrder(ANN, 0, SELL, OrderKind.LIMIT, 1001, 200)) is Refusal.INSUFFICIENT_FUNDS
    assert driver.refused(PlaceOrder(ANN, 0, SELL, OrderKind.MARKET, 1001)) is Refusal.INSUFFICIENT_FUNDS
    assert driver.refused(PlaceOrder(ANN, 0, BUY, OrderKind.LIMIT, 1, 50, post_only=True)) is (
        Refusal.INSUFFICIENT_FUNDS
    )


def test_a_market_buy_is_paid_fill_by_fill_and_stops_when_the_next_lot_costs_too_much() -> None:
    driver = trading(taker_fee_ppm=10 * PERCENT)
    driver.sell(ANN, 3, 100)
    driver.sell(ANN, 5, 200)
    driver.do(OpenAccount(5, "eve"))
    driver.deposit(5, "USD", 1000)
    batch = driver.buy(5, 9)
    # 330 for the first three, and of the 670 left 660 for three more at 220 each.
    assert trades(batch) == [(100, 3), (200, 3)]
    assert batch.public[-1] == OrderClosed(0, opened(batch), BUY, 0, 3, CloseReason.NO_FUNDS, -1, last_price=200)
    assert balances(batch, 5) == {"USD": (10, 0), "BTC": (6, 0)}


def test_a_market_buy_takes_whole_lots() -> None:
    driver = trading(lot=2, min_size=2)
    driver.sell(ANN, 8, 100)
    driver.do(OpenAccount(5, "eve"))
    driver.deposit(5, "USD", 700)
    batch = driver.buy(5, 8)
    assert trades(batch) == [(100, 6)]
    assert last(batch.public, OrderClosed).reason is CloseReason.NO_FUNDS


def test_a_market_buy_without_money_ends_without_a_trade() -> None:
    driver = trading()
    driver.sell(ANN, 8, 100)
    driver.do(OpenAccount(5, "eve"))
    batch = driver.buy(5, 8)
    assert batch.public[1:] == [OrderClosed(0, opened(batch), BUY, 0, 8, CloseReason.NO_FUNDS, -1)]


def test_a_market_buy_does_not_touch_what_other_orders_hold() -> None:
    driver = trading(money=1000)
    driver.sell(BOB, 10, 100)
    driver.buy(ANN, 9, 90)
    batch = driver.buy(ANN, 5)
    assert trades(batch) == [(100, 1)]
    assert balances(batch, ANN) == {"USD": (900, 810), "BTC": (1001, 0)}


@pytest.mark.parametrize(("money", "filled"), [(829, False), (830, True)])
def test_a_fok_market_buy_counts_its_money(money: int, filled: bool) -> None:
    """3 at 100 and 2 at 225, and 10.67 % on 300 and on 450: 300 + 32 + 450 + 48."""
    driver = trading(taker_fee_ppm=106_700)
    driver.sell(ANN, 3, 100)
    driver.sell(ANN, 5, 225)
    driver.do(OpenAccount(5, "eve"))
    driver.deposit(5, "USD", money)
    batch = driver.buy(5, 5, tif=TimeInForce.FOK)
    assert trades(batch) == ([(100, 3), (225, 2)] if filled else [])
    if filled:
        assert balances(batch, 5)["USD"] == (0, 0)
    else:
        assert last(batch.public, OrderClosed).reason is CloseReason.FOK


@pytest.mark.parametrize(("money", "filled"), [(115, False), (116, True)])
def test_a_fok_market_buy_may_pay_with_what_its_own_sale_brings(money: int, filled: bool) -> None:
    """103 for its own order, of which 90 come back, and then 103 for the other one."""
    driver = trading(maker_fee_ppm=10 * PERCENT, taker_fee_ppm=3 * PERCENT, money=0)
    driver.deposit(ANN, "BTC", 1)
    driver.deposit(ANN, "USD", money)
    driver.sell(ANN, 1, 100)
    driver.sell(HOUSE, 1, 100)
    batch = driver.buy(ANN, 2, tif=TimeInForce.FOK, self_trade=SelfTrade.ALLOW)
    if filled:
        assert trades(batch) == [(100, 1), (100, 1)]
        assert balances(batch, ANN) == {"USD": (0, 0), "BTC": (2, 0)}
    else:
        assert trades(batch) == []


def test_the_affordable_size_is_the_largest_that_can_be_paid() -> None:
    """Beside trying every lot, for all small numbers."""
    driver = trading(lot=2)
    market = driver.venue._state.markets[0]
    order = Order(driver.venue._state.accounts[ANN], market, PlaceOrder(ANN, 0, BUY, OrderKind.MARKET, 40))
    for market.divisor in (1, 10, 100):
        for order.taker_ppm in (-50_000, 0, 2_500, 333_333, 1_000_000):
            for price in (1, 3, 7, 49, 50):
                for available in range(0, 140, 3):
                    affordable_lots = [
                        size
                        for size in range(0, 42, 2)
                        if (value := price * size // market.divisor) + max(0, fee(value, order.taker_ppm)) <= available
                    ]
                    assert affordable(order, price, 40, available) == max(affordable_lots)


def test_a_house_account_trades_on_credit_and_is_told_only_what_fills_did() -> None:
    driver = trading()
    placed = driver.sell(HOUSE, 5, 100)
    assert not any(isinstance(event, BalanceSet) for event in placed.private[HOUSE])
    batch = driver.buy(ANN, 5, 100)
    assert balances(batch, HOUSE) == {"BTC": (-5, 0), "USD": (500, 0)}


def test_deposits_and_withdrawals() -> None:
    driver = trading(money=0)
    batch = driver.deposit(ANN, "USD", 500)
    assert batch.private == {ANN: [BalanceSet("USD", 500, 0, BalanceCause.DEPOSIT, 500)]}
    driver.buy(ANN, 2, 100)
    assert driver.refused(Deposit(ANN, "USD", -301)) is Refusal.INSUFFICIENT_FUNDS
    batch = driver.deposit(ANN, "USD", -300)
    assert batch.private == {ANN: [BalanceSet("USD", 200, 200, BalanceCause.WITHDRAWAL, -300)]}
    assert driver.refused(Deposit(ANN, "USD", 0)) is Refusal.INVALID_AMOUNT
    assert driver.refused(Deposit(ANN, "EUR", 5)) is Refusal.UNKNOWN_CURRENCY
    assert driver.refused(Deposit(77, "USD", 5)) is Refusal.UNKNOWN_ACCOUNT
    assert balances(driver.deposit(HOUSE, "USD", -40), HOUSE) == {"USD": (-40, 0)}


def test_an_order_keeps_its_rates_and_pays_them_in_parts() -> None:
    """Nothing of what was held is short when an order fills one by one, with cost and fee rounded down each time."""
    driver = trading(maker_fee_ppm=9_999, taker_fee_ppm=0, money=700)
    a = order_id(driver.buy(ANN, 7, 99))  # 693 and 6.929
    for left in range(6, -1, -1):
        batch = driver.sell(BOB, 1)
        held = left * 99 + left * 99 * 9_999 // 1_000_000
        assert balances(batch, ANN)["USD"] == (700 - 99 * (7 - left), held), "each 0.98 of fee is rounded to 0"
    assert last(batch.private[ANN], OwnOrderUpdated).order_id == a
