"""Every command that can be decoded has an answer that can be encoded, however absurd its numbers."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyfeed.model import commands as c
from polyfeed.model import enums as k
from polyfeed.model.batches import decode_batch, encode_batch
from polyfeed.model.events import OrderClosed
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.venue import Venue
from tests.venue.driver import ANN, HOUSE, START, instrument, last, trades, trading
from tests.venue.follower import Follower
from tests.venue.invariants import check
from tests.venue.wire import journalled

EDGES = [
    edge + step
    for edge in (0, 2**31, 2**32, 2**52, 2**53, 2**58, 2**59, 2**60, 2**61, 2**62, 2**63 - 2, 2**64 - 2, -(2**63) + 1)
    for step in (-1, 0, 1)
]
NUMBERS = st.one_of(st.sampled_from(EDGES), st.integers(-5, 105), st.integers(-(2**63), 2**64 - 1))
SMALL = st.one_of(st.integers(-2, 12), NUMBERS)
TEXTS = st.one_of(st.sampled_from(["USD", "BTC", "ETH", "", "tape"]), st.text(max_size=5))
RATES = st.one_of(st.none(), st.integers(-1_000_001, 1_000_001), NUMBERS)

INSTRUMENTS = st.builds(
    Instrument,
    *(st.integers(0, 4), TEXTS, TEXTS, TEXTS),
    *(SMALL, SMALL, NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    *(st.sampled_from(e) for e in (k.InstrumentKind, k.Detail, k.InstrumentStatus)),
    *(NUMBERS, NUMBERS),
    st.dictionaries(TEXTS, TEXTS, max_size=2),
)
COMMANDS = st.one_of(
    st.builds(c.DefineCurrency, st.builds(Currency, TEXTS, SMALL)),
    st.builds(c.ListInstrument, INSTRUMENTS),
    st.builds(c.SetInstrumentStatus, SMALL, st.sampled_from(k.InstrumentStatus)),
    st.builds(c.SetSystemStatus, TEXTS),
    st.builds(c.OpenAccount, SMALL, TEXTS, st.booleans(), RATES, RATES, SMALL, TEXTS),
    st.builds(c.Deposit, SMALL, TEXTS, NUMBERS),
    st.builds(
        c.PlaceOrder,
        *(SMALL, st.integers(-1, 3), st.sampled_from(k.Side), st.sampled_from(k.OrderKind), NUMBERS, NUMBERS),
        *(st.sampled_from(k.TimeInForce), st.booleans(), st.sampled_from(k.SelfTrade), TEXTS, SMALL),
    ),
    st.builds(
        c.PlaceOrder,
        *(SMALL, st.integers(-1, 3), st.sampled_from(k.Side), st.sampled_from(k.OrderKind), NUMBERS, NUMBERS),
        *(st.sampled_from(k.TimeInForce), st.booleans(), st.sampled_from(k.SelfTrade), TEXTS, SMALL),
        *(NUMBERS, NUMBERS, st.sampled_from(k.Trigger), NUMBERS, NUMBERS, NUMBERS, st.booleans()),
    ),
    st.builds(
        c.PlaceOrder,
        *(st.sampled_from([8, 9]), st.integers(0, 2), st.sampled_from(k.Side), st.sampled_from(k.OrderKind)),
        *(st.one_of(st.just(0), NUMBERS), NUMBERS, st.sampled_from(k.TimeInForce)),
        self_trade=st.sampled_from(k.SelfTrade),
        amount=st.one_of(st.just(0), NUMBERS),
        trigger=st.sampled_from(k.Trigger),
        trigger_price=st.one_of(st.just(0), NUMBERS),
        trailing_bps=st.sampled_from([0, 1, 9_999]),
    ),
    st.builds(c.ReplaceOrder, SMALL, SMALL, NUMBERS, NUMBERS, TEXTS),
    st.builds(c.SetKey, SMALL, TEXTS, TEXTS, st.binary(max_size=3), st.just(("read",))),
    st.builds(c.RevokeKey, SMALL, TEXTS),
    st.builds(c.CancelOrder, SMALL, SMALL),
    st.builds(c.CancelAll, SMALL, SMALL),
    st.builds(c.AmendOrder, SMALL, SMALL, NUMBERS, NUMBERS),
    st.builds(c.Clock),
    st.builds(c.Proceed),
)


class Guarded:
    """A venue in which every command goes through the journal's encoding, and every batch through the bus's."""

    def __init__(self) -> None:
        self.venue, self.follower = Venue(batch_limit=60), Follower()
        self.more = False

    def send(self, command: c.AnyCommand) -> bool:
        """Whether the command was carried out."""
        seq = self.venue.seq + 1
        stamped = journalled(c.Stamped(seq, START + seq, command, c.Origin(0, seq)))
        batch = self.venue.apply(stamped)
        assert decode_batch(encode_batch(batch)) == batch
        self.follower.follow(stamped.command, batch)
        self.more = batch.more
        return batch.outcome.accepted


def huge() -> Guarded:
    """Markets whose numbers are as large as they can be."""
    guarded = Guarded()
    commands: tuple[c.AnyCommand, ...] = (
        c.DefineCurrency(Currency("USD", 0)),
        c.DefineCurrency(Currency("BTC", 18)),
        c.DefineCurrency(Currency("ETH", 0)),
        c.ListInstrument(instrument(base="BTC", size_scale=18, price_scale=18)),
        c.ListInstrument(instrument(id=1, name="x", base="ETH", taker_fee_ppm=1_000_000, maker_fee_ppm=-1_000_000)),
        c.ListInstrument(instrument(id=2, name="y", base="BTC", quote="ETH")),
        c.OpenAccount(1, "one"),
        c.OpenAccount(2, "two"),
        c.OpenAccount(8, "house", house=True),
        c.OpenAccount(9, "other", house=True, maker_fee_ppm=1_000_000, taker_fee_ppm=-1_000_000),
    )
    for command in commands:
        assert guarded.send(command)
    for account in (1, 2):
        for code in ("USD", "BTC", "ETH"):
            assert guarded.send(c.Deposit(account, code, 2**61))
    return guarded


@settings(max_examples=500, deadline=None)
@given(st.lists(COMMANDS, max_size=25))
def test_any_command_is_answered(commands: list[c.AnyCommand]) -> None:
    guarded = huge()
    for command in commands:
        guarded.send(command)
        while guarded.more:
            guarded.send(c.Proceed())
        check(guarded.venue, guarded.follower)


def unusual(random: Random, account: int, number: int, large: int, price: int) -> c.PlaceOrder:
    """An order for an amount, or one that waits."""
    side = random.choice(tuple(k.Side))
    by_amount = random.random() < 0.5
    trailing = random.random() < 0.5
    trigger = {"trigger": k.Trigger.TRAILING_STOP_LOSS, "trailing_bps": random.choice((1, 9_999))}
    if not trailing:
        trigger = {"trigger": k.Trigger.STOP_LOSS, "trigger_price": price}
    return c.PlaceOrder(
        *(account, number, side),
        (k.OrderKind.CASH_SELL if side else k.OrderKind.INSTANT) if by_amount else k.OrderKind.LIMIT,
        0 if by_amount else max(1, large // price),
        0 if by_amount else price,
        amount=large if by_amount else 0,
        **(trigger if random.random() < 0.7 else {}),
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_numbers_never_outgrow_their_encoding(seed: int) -> None:
    """120,000 commands, with trades so large that balances reach their bounds."""
    random, guarded, highest = Random(seed), huge(), 0
    for step in range(20_000):
        if guarded.more:
            guarded.send(c.Proceed())
            continue
        account, number = random.choice((0, 1, 2, 8, 8, 9, 9)), random.choice((0, 1, 1, 2))
        large = 2 ** random.choice((20, 40, 57, 58, 59, 60)) - random.randint(0, 1)
        price = random.choice((1, 2, 3, 2**20, 2**30, 2**59, 10**18))
        what = random.random()
        if what < 0.15:
            guarded.send(unusual(random, account, number, large, price))
        elif what < 0.8:
            market = random.random() < 0.3
            guarded.send(
                c.PlaceOrder(
                    *(account, number, random.choice(tuple(k.Side)), k.OrderKind(market)),
                    max(1, large // random.choice((1, price, 7))),
                    0 if market else price,
                    random.choice((k.TimeInForce.GTC, k.TimeInForce.IOC, k.TimeInForce.FOK)),
                    self_trade=random.choice((k.SelfTrade.ALLOW, *k.SelfTrade)),
                )
            )
        elif what < 0.95:
            code = random.choice(("USD", "BTC", "ETH"))
            total, _ = guarded.follower.balances[account].get(code, (0, 0))
            guarded.send(c.Deposit(account, code, random.choice((large, -large, -total, -total))))
        else:
            guarded.send(c.CancelAll(account))
        if step % 1000 == 0 and not guarded.more:
            check(guarded.venue, guarded.follower)
        told = [abs(total) for balances in guarded.follower.balances.values() for total, _ in balances.values()]
        highest = max(highest, *told)
    assert 2**61 < highest <= 2**62
    assert guarded.follower.trades > 1000


def test_a_balance_at_its_bound_stops_the_order_that_would_move_it() -> None:
    """The house owes 2^61 and one more BTC: it sells no more, and nobody gets a part of a fill-or-kill order."""
    driver = trading(money=2**61)
    driver.do(c.Deposit(HOUSE, "BTC", -(2**61) + 4))
    driver.sell(HOUSE, 5, 100)
    driver.sell(HOUSE, 9, 100)
    fok = driver.buy(ANN, 10, 100, tif=k.TimeInForce.FOK)
    assert last(fok.public, OrderClosed).reason is k.CloseReason.FOK
    batch = driver.buy(ANN, 10, 100)
    assert trades(batch) == [(100, 5)]
    assert last(batch.public, OrderClosed).reason is k.CloseReason.NO_FUNDS


@pytest.mark.parametrize(("quote", "filled"), [(111, True), (110, False)])
def test_a_fok_order_knows_beforehand_that_a_balance_would_reach_its_bound(quote: int, filled: bool) -> None:
    """The house may owe 2^61 USD. A fill moves its value, as much again in fees at most, and its size: 42 for 2 at 10, 69
    for 3 at 11. So far must the house be from its bound before the last one.
    """
    driver = trading(money=2**30)
    driver.sell(ANN, 2, 10)
    driver.sell(ANN, 3, 11)
    driver.sell(ANN, 4, 12)
    driver.do(c.Deposit(HOUSE, "USD", -(2**61) + quote))
    assert trades(driver.buy(HOUSE, 6, 12, tif=k.TimeInForce.FOK)) == ([(10, 2), (11, 3), (12, 1)] if filled else [])
