"""What holds for every sequence of commands."""

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from polyfeed.model import commands as c
from polyfeed.model import enums as k
from polyfeed.model.batches import Batch, Outcome, decode_batch, encode_batch
from polyfeed.model.events import BalanceSet
from polyfeed.model.instruments import Currency
from polyfeed.venue import Venue
from tests.venue.driver import instrument
from tests.venue.follower import Follower
from tests.venue.invariants import check
from tests.venue.naive import NaiveVenue

Plan = tuple[str, tuple[Any, ...]]
HOUSE = 9


@dataclass(frozen=True)
class Market:
    """Two users, one with a sub-account, a house account and one market with these fees and steps."""

    fees: tuple[int, int]
    lot: int
    money: int

    def commands(self) -> list[c.AnyCommand]:
        maker, taker = self.fees
        terms = instrument(lot=self.lot, min_size=self.lot, price_scale=1, maker_fee_ppm=maker, taker_fee_ppm=taker)
        accounts = [
            c.OpenAccount(1, ""),
            c.OpenAccount(2, "", taker_fee_ppm=-500),
            c.OpenAccount(3, "", parent=1),
            c.OpenAccount(HOUSE, "", True),
        ]
        deposits = [c.Deposit(user, code, self.money) for user in (1, 2, 3) for code in ("USD", "BTC")]
        currencies = [c.DefineCurrency(Currency(code, 0)) for code in ("USD", "BTC")]
        return [*currencies, c.ListInstrument(terms), *accounts, *deposits]


MARKETS = st.builds(
    Market,
    st.sampled_from([(0, 0), (-1_500, 2_500), (200_000, 300_000), (0, 1_000_000)]),
    st.sampled_from([1, 2]),
    st.sampled_from([40, 300, 10_000]),
)
ACCOUNTS = st.sampled_from([1, 2, 3, HOUSE])
SIDES = st.sampled_from(k.Side)
SIZES = st.integers(1, 12)
PRICES = st.integers(95, 105)
MODES = st.sampled_from(k.SelfTrade)

MAYBE = st.one_of(st.just(0), PRICES)
PLAIN, TRAILING = k.Trigger.STOP_LOSS, k.Trigger.TRAILING_STOP_LOSS
TRIGGERS = st.one_of(
    st.builds(dict, trigger=st.sampled_from([PLAIN, k.Trigger.TAKE_PROFIT]), trigger_price=PRICES),
    st.builds(
        dict,
        trigger=st.sampled_from([TRAILING, k.Trigger.TRAILING_TAKE_PROFIT]),
        trailing_bps=st.sampled_from([1, 150, 400]),
        activation_price=MAYBE,
    ),
)
BODIES = st.one_of(
    st.builds(dict, kind=st.just(k.OrderKind.LIMIT), size=SIZES, price=PRICES, tif=st.sampled_from(k.TimeInForce)),
    st.builds(dict, kind=st.just(k.OrderKind.MARKET), size=SIZES, price=MAYBE, tif=st.sampled_from([0, 3])),
    st.builds(
        dict,
        kind=st.sampled_from([k.OrderKind.INSTANT, k.OrderKind.CASH_SELL]),
        size=st.just(0),
        price=MAYBE,
        amount=st.integers(1, 150),
    ),
)

BY = st.integers(0, 3)
"""The gateway that an order is bound to: 0 for none, 3 for one that has no number."""

PLANS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["any", "waiting"]),
            st.tuples(ACCOUNTS, SIDES, MODES, BODIES, TRIGGERS, st.integers(0, 6), BY),
        ),
        st.tuples(st.just("sleep"), st.tuples(st.sampled_from([3_000, 86_400_000_000]))),
        st.tuples(st.just("limit"), st.tuples(ACCOUNTS, SIDES, SIZES, PRICES, st.booleans(), MODES, BY)),
        st.tuples(
            st.just("taker"),
            st.tuples(ACCOUNTS, SIDES, SIZES, st.one_of(st.just(0), PRICES), st.sampled_from([1, 2]), MODES),
        ),
        st.tuples(st.just("cancel"), st.tuples(st.integers(0, 30))),
        st.tuples(
            st.sampled_from(["amend", "replace"]),
            st.tuples(st.integers(0, 30), st.one_of(st.just(0), PRICES), st.one_of(st.just(0), SIZES), BY),
        ),
        st.tuples(st.just("end"), st.tuples(st.sampled_from([1, 2]))),
        st.tuples(st.just("all"), st.tuples(ACCOUNTS)),
        st.tuples(st.just("deposit"), st.tuples(ACCOUNTS, st.sampled_from(["USD", "BTC"]), st.integers(-60, 60))),
        st.tuples(st.just("status"), st.tuples(st.sampled_from(k.InstrumentStatus))),
    ),
    max_size=40,
)

SIDE_OF = {k.OrderKind.INSTANT: k.Side.BUY, k.OrderKind.CASH_SELL: k.Side.SELL}


def outcome(batches: list[Batch]) -> Outcome:
    """What became of a command: the outcome of the first of its batches that has its origin."""
    return next(batch.outcome for batch in batches if batch.origin is not None)


class Run:
    """A venue with a follower. Times are before the order ids' epoch, so ids count from 1; a command is stamped the same
    however many batches those before it made.
    """

    def __init__(self, market: Market, batch_limit: int = 100_000) -> None:
        self.venue, self.follower = Venue(batch_limit=batch_limit), Follower()
        self.limit = batch_limit
        self.now = self.gateway = 0
        self.placed: list[tuple[int, int]] = []
        for command in market.commands():
            self.send(command)

    def send(self, command: c.AnyCommand) -> list[Batch]:
        """A command and all that goes on from it."""
        self.now += 1000
        batches: list[Batch] = []
        while not batches or batches[-1].more:
            sent = c.Proceed() if batches else command
            stamped = c.Stamped(self.venue.seq + 1, self.now + len(batches), sent, c.Origin(self.gateway, self.now))
            batches.append(self.venue.apply(stamped))
            self.follower.follow(sent, batches[-1])
        done = outcome(batches)
        if isinstance(command, c.PlaceOrder | c.ReplaceOrder) and done.accepted:
            self.placed.append((command.account, done.order_id))
        return batches

    def command(self, plan: Plan) -> c.AnyCommand:
        """A plan with the ids of orders that were really placed; `gateway` is the one that sends it."""
        match plan:
            case "limit", (account, side, size, price, post_only, mode, by):
                terms = (side, k.OrderKind.LIMIT, size, price, k.TimeInForce.GTC, post_only, mode)
                return c.PlaceOrder(account, 0, *terms, bound=self.bound(by))
            case "taker", (account, side, size, price, tif, mode):
                kind = k.OrderKind(tif == 2 or not price)
                return c.PlaceOrder(account, 0, side, kind, size, price, k.TimeInForce(tif), False, mode)
            case "any" | "waiting" as what, (account, side, mode, body, trigger, end, by):
                tif = k.TimeInForce(body.get("tif", 0))
                terms = body | (trigger if what == "waiting" else {}) | {"tif": tif, "self_trade": mode}
                if tif is k.TimeInForce.GTD:
                    terms["expire_ts"] = self.now + 1000 * end
                if body["kind"] in SIDE_OF:
                    side = SIDE_OF[body["kind"]]
                return c.PlaceOrder(account, 0, side, **terms, bound=self.bound(by))
            case "sleep", (time,):
                self.now += time
                return c.Clock()
            case "cancel", (index,):
                return c.CancelOrder(*self.order(index))
            case "end", (gateway,):
                return c.EndGateway(gateway)
            case "amend", (index, price, size, _):
                return c.AmendOrder(*self.order(index), price, size)
            case "replace", (index, price, size, by):
                return c.ReplaceOrder(*self.order(index), price, size, "new", bound=self.bound(by))
            case "all", (account,):
                return c.CancelAll(account)
            case "deposit", (account, code, amount):
                return c.Deposit(account, code, amount)
            case "status", (status,):
                return c.SetInstrumentStatus(0, status)
        raise AssertionError(plan)

    def bound(self, by: int) -> bool:
        self.gateway = by % 3
        return by > 0

    def order(self, index: int) -> tuple[int, int]:
        return self.placed[-1 - index % len(self.placed)] if self.placed else (1, 1)


@settings(max_examples=400, deadline=None)
@given(MARKETS, PLANS)
def test_the_venue_is_its_naive_twin_and_sound_after_every_command(market: Market, plans: list[Plan]) -> None:
    run, naive = Run(market), NaiveVenue()
    for seq, command in enumerate(market.commands(), 1):
        naive.apply(c.Stamped(seq, 1000 * seq, command))
    for plan in plans:
        command = run.command(plan)
        (batch,) = run.send(command)
        expected = naive.apply(c.Stamped(batch.seq, batch.ts, command, batch.origin))
        assert batch.outcome.refusal == expected.outcome.refusal
        expected = replace(expected, outcome=batch.outcome)
        assert batch == expected
        assert encode_batch(batch) == encode_batch(expected)
        assert decode_batch(encode_batch(batch)) == batch
        check(run.venue, run.follower)


@settings(max_examples=200, deadline=None)
@given(MARKETS, PLANS, st.integers(16, 60))
def test_the_same_is_decided_in_one_batch_or_in_many(market: Market, plans: list[Plan], limit: int) -> None:
    whole, parts = Run(market), Run(market, limit)
    for plan in plans:
        command = whole.command(plan)
        assert command == parts.command(plan)
        (one,), many = whole.send(command), parts.send(command)
        assert one.outcome == outcome(many)
        assert one.public == [event for batch in many for event in batch.public]
        for batch in many:
            assert len(batch.public) + sum(map(len, batch.private.values())) <= limit
        for account, events in one.private.items():
            told = [event for batch in many for event in batch.private.get(account, [])]
            said, said_in_parts = ([e for e in es if not isinstance(e, BalanceSet)] for es in (events, told))
            assert said == said_in_parts
        assert whole.follower.balances == parts.follower.balances
        check(parts.venue, parts.follower)


@settings(max_examples=200, deadline=None)
@given(MARKETS, PLANS)
def test_a_refused_command_leaves_no_trace(market: Market, plans: list[Plan]) -> None:
    """A history with refused commands goes on, byte for byte, as one in which time passed instead."""
    run, other = Run(market), Run(market)
    for plan in plans:
        command = run.command(plan)
        other.now, other.gateway = run.now, run.gateway
        (batch,) = run.send(command)
        if batch.outcome.accepted:
            (again,) = other.send(command)
            assert encode_batch(again) == encode_batch(batch)
        else:
            (again,) = other.send(c.Clock())
            assert (again.public, again.private) == (batch.public, batch.private), "what expired, and nothing more"
