"""What is each user's: worked examples, and equality with a search through all that happened."""

import random
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from polyfeed.accounts import image
from polyfeed.accounts.account import Account, Balance, Payment, Settlement
from polyfeed.accounts.accounts import AccountChange, Accounts
from polyfeed.model.batches import Batch, decode_batch, encode_batch
from polyfeed.model.enums import BalanceCause, CloseReason, ExecutionKind, MarginMode, OrderKind, OrderStatus, Side
from polyfeed.model.errors import BatchOutOfOrder
from polyfeed.model.events import (
    AccountOpened,
    BalanceSet,
    DepositAddressCreated,
    FundingPaid,
    KeyRevoked,
    KeySet,
    LeverageSet,
    OwnFill,
    OwnOrderAmended,
    OwnOrderOpened,
    OwnOrderUpdated,
    OwnTriggered,
    PositionSet,
    PositionSettled,
    PrivateEvent,
)
from polyfeed.model.instruments import Instrument
from polyfeed.model.orders import Closing, Fill, OwnOrder
from polyfeed.model.perpetuals import PerpetualTerms
from tests.accounts.twin import SlowAccounts
from tests.market.anything import TIMES, event_of

ANNA, BERT = 11, 12


class Driven:
    """Accounts that are sent batches which count themselves."""

    def __init__(self) -> None:
        self.accounts = Accounts()
        self.seq = 0

    def batch(self, private: dict[int, list[PrivateEvent]], ts: int = 0) -> Batch:
        self.seq += 1
        return Batch(1, self.seq, ts, private=private)

    def send(self, *events: PrivateEvent, to: int = ANNA, ts: int = 0) -> list[AccountChange]:
        return self.accounts.apply(self.batch({to: list(events)}, ts))

    def __getitem__(self, number: int) -> Account:
        account = self.accounts.get(number)
        assert account is not None
        return account


@pytest.fixture
def driven() -> Driven:
    driven = Driven()
    driven.send(AccountOpened("anna"))
    driven.send(AccountOpened("bert", house=True, parent=ANNA, tier="market_maker"), to=BERT)
    return driven


def opened(number: int = 5, **terms: Any) -> OwnOrderOpened:
    return OwnOrderOpened(number, 0, Side.BUY, OrderKind.LIMIT, 100, 9, **terms)


def fill(size: int, left: int, number: int = 5) -> OwnFill:
    return OwnFill(number, 0, 1, Side.BUY, 100, size, 100 * size, 1, True, left)


def position(size: int, instrument: int = 0) -> PositionSet:
    return PositionSet(instrument, 1, size, 100, 101, 50, 49, 5, MarginMode.CROSS, 10, 10, 5, 1, 0, 0)


# --- one account ----------------------------------------------------------------------------------------------------


def test_accounts_are_found_by_number_and_by_name(driven: Driven) -> None:
    accounts = driven.accounts
    assert accounts.by_name("bert") is accounts.get(BERT)
    assert (driven[BERT].house, driven[BERT].parent, driven[BERT].tier) == (True, ANNA, "market_maker")
    assert accounts.by_name("carl") is None
    assert accounts.get(99) is None
    assert [account.account_id for account in accounts.all()] == [ANNA, BERT]


def test_balances_are_assigned(driven: Driven) -> None:
    driven.send(BalanceSet("USD", 1000, 0, BalanceCause.DEPOSIT, 1000))
    driven.send(BalanceSet("USD", 1000, 300, BalanceCause.HOLD))
    assert driven[ANNA].balances == {"USD": Balance(1000, 300)}
    assert driven[ANNA].balances["USD"].available == 700


def test_the_life_of_an_order(driven: Driven) -> None:
    terms = opened(client_id="mine")
    assert driven.send(terms, ts=10)[0].order == OwnOrder(terms, 100, 9, 9, OrderStatus.OPEN, 10, 10)
    driven.send(fill(4, 5), OwnOrderUpdated(5, OrderStatus.OPEN, 5, 4, 400, 1, True), ts=20)
    order = driven[ANNA].orders[5]
    assert (order.left, order.filled, order.value, order.fees, order.trades, order.rested) == (5, 4, 400, 1, 1, True)
    assert (order.opened_ts, order.updated_ts, order.ended) == (10, 20, False)
    driven.send(OwnOrderAmended(5, 99, 8, 4, False), ts=30)
    order = driven[ANNA].orders[5]
    assert (order.price, order.size, order.left, order.terms.price) == (99, 8, 4, 100)
    ended = OwnOrderUpdated(5, OrderStatus.CANCELLED, 4, 4, 400, 1, False, CloseReason.USER)
    change = driven.send(ended, ts=40)[0]
    assert (change.account, change.event) == (ANNA, ended)
    assert change.order is not None
    assert (change.order.ended, change.order.reason, change.order.terms) == (True, CloseReason.USER, terms)
    assert driven[ANNA].orders == {}


@pytest.mark.parametrize("status", list(OrderStatus))
def test_ended_orders_are_forgotten(driven: Driven, status: OrderStatus) -> None:
    driven.send(opened(), OwnOrderUpdated(5, status, 0, 9, 900, 1, False))
    open_statuses = {OrderStatus.OPEN, OrderStatus.UNTRIGGERED, OrderStatus.TRIGGERED}
    assert (5 in driven[ANNA].orders) is (status in open_statuses)


def test_orders_that_ended_are_kept_apart_the_last_thousand(driven: Driven) -> None:
    for number in range(1, 1202):
        driven.send(opened(number), OwnOrderUpdated(number, OrderStatus.CANCELLED, 9, 0, 0, 0, False, CloseReason.USER))
    closed = driven[ANNA].closed
    assert list(closed) == list(range(202, 1202))
    assert closed[202].reason is CloseReason.USER
    assert list(Accounts.restore(driven.accounts.snapshot()).get(ANNA).closed) == list(closed)  # type: ignore[union-attr]
    driven.send(opened(300))
    assert 300 not in closed
    assert 300 in driven[ANNA].orders


def test_a_waiting_order_is_triggered(driven: Driven) -> None:
    driven.send(opened(status=OrderStatus.UNTRIGGERED))
    assert driven[ANNA].orders[5].status is OrderStatus.UNTRIGGERED
    driven.send(OwnTriggered(5, True))
    assert driven[ANNA].orders[5].status is OrderStatus.TRIGGERED
    driven.send(OwnTriggered(5, False))
    assert driven[ANNA].orders[5].status is OrderStatus.UNTRIGGERED


def test_an_event_about_an_order_that_is_not_known_is_still_told(driven: Driven) -> None:
    for event in (OwnTriggered(7, True), OwnOrderAmended(7, 1, 1, 1, True), fill(1, 0, 7)):
        assert driven.send(event) == [AccountChange(ANNA, event, None)]
    assert driven[ANNA].orders == {}
    assert list(driven[ANNA].fills) == [Fill(0, fill(1, 0, 7), None)]


def test_fills_remember_the_terms_of_their_order(driven: Driven) -> None:
    driven.send(opened(), fill(9, 0), OwnOrderUpdated(5, OrderStatus.FILLED, 0, 9, 900, 1, False), ts=33)
    assert list(driven[ANNA].fills) == [Fill(33, fill(9, 0), opened())]


def test_funding_and_settlements_are_kept_with_their_times(driven: Driven) -> None:
    paid = FundingPaid(0, 4, 100, 3, -7, 50, 10)
    settled = PositionSettled(0, 4, 12, 51, 50, 3, 3, 0, 0, 0, 0, True)
    driven.send(paid, ts=33)
    driven.send(settled, ts=34)
    assert list(driven[ANNA].payments) == [Payment(33, paid)]
    assert list(driven[ANNA].settlements) == [Settlement(34, settled)]
    again = Accounts.restore(driven.accounts.snapshot())
    assert again.state_hash() == driven.accounts.state_hash()


def closed_part(size: int, entry: int, leaving: int, fees: tuple[int, int], order: int = 5) -> PositionSettled:
    """A part of a long position that an order sold; the fees are those of opening and of closing it."""
    profit, all_fees = leaving - entry, sum(fees)
    return PositionSettled(
        *(0, 4, 12, leaving // size, entry // size, profit + all_fees, profit, all_fees, 0, 0, 0, False),
        *(Side.SELL, size, entry, leaving, fees[1], order, 3),
    )


def test_an_order_adds_up_what_it_closed_also_when_it_has_ended(driven: Driven) -> None:
    driven.send(opened(), fill(2, 7), closed_part(2, 200, 230, (-2, -3)))
    first = driven[ANNA].orders[5].closing
    assert first == Closing(2, 200, 230, 30, -2, -3, 1, 3, ExecutionKind.TRADE)
    assert first.net == 25
    driven.send(fill(7, 0), OwnOrderUpdated(5, OrderStatus.FILLED, 0, 9, 900, 1, False))
    (change,) = driven.send(closed_part(7, 700, 690, (-7, -1)))
    assert change.order == driven[ANNA].closed[5]
    assert driven[ANNA].closed[5].closing == Closing(9, 900, 920, 20, -9, -4, 2, 3, ExecutionKind.TRADE)
    assert 5 not in driven[ANNA].orders
    again = Accounts.restore(driven.accounts.snapshot())
    assert again.get(ANNA).closed == driven[ANNA].closed  # type: ignore[union-attr]


def test_what_no_order_closed_is_no_order_s(driven: Driven) -> None:
    driven.send(opened(), closed_part(1, 1, 1, (0, 0), order=6))
    fee = PositionSettled(0, 4, 12, 0, 0, -3, 0, 0, -3, 0, 0, True)
    assert driven.send(fee) == [AccountChange(ANNA, fee, None)]
    assert driven[ANNA].orders[5].closing is None
    assert len(driven[ANNA].settlements) == 2


def test_a_thousand_fills_are_kept(driven: Driven) -> None:
    for size in range(1, 1501):
        driven.send(fill(size, 0))
    assert [kept.fill.size for kept in driven[ANNA].fills] == list(range(501, 1501))


def test_positions_are_assigned_and_closed_ones_forgotten(driven: Driven) -> None:
    driven.send(position(5), position(-3, instrument=2))
    assert driven[ANNA].positions == {0: position(5), 2: position(-3, instrument=2)}
    driven.send(position(0))
    assert driven[ANNA].positions == {2: position(-3, instrument=2)}


def perpetual(number: int) -> Instrument:
    return Instrument(number, "X", "X", "Y", 0, 0, 1, 1, 1, perpetual=PerpetualTerms(default_leverage=9))


def test_leverages_and_deposit_addresses(driven: Driven) -> None:
    driven.send(LeverageSet(-1, 5, MarginMode.CROSS), DepositAddressCreated("BTC", "bc1q"))
    assert driven[ANNA].leverages == {-1: LeverageSet(-1, 5, MarginMode.CROSS)}
    driven.send(LeverageSet(3, 7, MarginMode.ISOLATED))
    assert driven[ANNA].leverages[3].leverage == 7
    driven.send(LeverageSet(-1, 2, MarginMode.CROSS))
    assert driven[ANNA].leverages == {-1: LeverageSet(-1, 2, MarginMode.CROSS)}
    assert driven[ANNA].addresses == {"BTC": "bc1q"}
    driven.send(LeverageSet(2, 7, MarginMode.ISOLATED))
    assert [driven[ANNA].leverage_in(perpetual(number)).leverage for number in (1, 2)] == [2, 7]
    assert driven[ANNA].leverage_in(perpetual(2)).mode is MarginMode.ISOLATED
    driven.send(LeverageSet(-1, 3, MarginMode.CROSS))
    assert [driven[ANNA].leverage_in(perpetual(number)).leverage for number in (1, 2)] == [3, 3]


def test_the_leverage_that_nobody_chose() -> None:
    assert Account(1).leverage_in(perpetual(1)).leverage == 9
    assert Account(1).leverage_in(replace(perpetual(1), perpetual=None)).leverage == 1


def test_keys_are_found_until_they_are_revoked(driven: Driven) -> None:
    key = KeySet("k1", "hmac", b"x", ("trade",))
    driven.send(key)
    assert driven.accounts.key("k1") == (driven[ANNA], key)
    driven.send(KeyRevoked("k1"), to=BERT)  # not Bert's
    assert driven.accounts.key("k1") == (driven[ANNA], key)
    driven.send(KeyRevoked("k1"))
    assert driven.accounts.key("k1") is None
    assert driven[ANNA].keys == {}


def test_a_key_belongs_to_one_account(driven: Driven) -> None:
    key = KeySet("k1", "hmac", b"x")
    driven.send(key)
    driven.send(key, to=BERT)
    assert driven.accounts.key("k1") == (driven[BERT], key)
    assert driven[ANNA].keys == {}


def test_every_private_event_is_folded() -> None:
    assert set(Account._folds) == set(get_args(PrivateEvent))


# --- numbering and snapshots ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seq", "seen"), [(1, True), (2, True), (4, False)])
def test_a_batch_that_is_not_the_next_is_refused_before_anything_changes(driven: Driven, seq: int, seen: bool) -> None:
    before = driven.accounts.state_hash()
    with pytest.raises(BatchOutOfOrder, match=f"batch {seq} of epoch 1 came where 3 was expected") as refused:
        driven.accounts.apply(Batch(1, seq, 0, private={ANNA: [BalanceSet("USD", 1, 0, BalanceCause.DEPOSIT)]}))
    assert refused.value.seen is seen
    assert driven.accounts.state_hash() == before


def test_equal_accounts_have_equal_hashes_however_they_came_to_be() -> None:
    one, other = Driven(), Driven()
    events = [BalanceSet(code, 5, 0, BalanceCause.DEPOSIT) for code in ("USD", "BTC", "ETH")]
    keys = [KeySet(key, "hmac", b"") for key in ("k1", "k2")]
    one.accounts.apply(one.batch({ANNA: [*events, *keys], BERT: [position(1), position(2, instrument=1)]}))
    other.accounts.apply(
        other.batch({BERT: [position(2, instrument=1), position(1)], ANNA: [*reversed(keys), *reversed(events)]})
    )
    assert one.accounts.snapshot() == other.accounts.snapshot()


def test_the_order_of_entry_is_part_of_the_state() -> None:
    one, other = Driven(), Driven()
    one.send(opened(1), opened(2))
    other.send(opened(2), opened(1))
    assert one.accounts.state_hash() != other.accounts.state_hash()


@pytest.mark.parametrize("data", [b"", b"\xc0", b"garbage"])
def test_what_is_no_snapshot_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Accounts.restore(data)


def test_a_snapshot_of_another_form_is_refused() -> None:
    other = image.AccountsImage(image.FORMAT + 1, 0, 0, 0, [], [])
    with pytest.raises(ValueError, match="has form 4, this version reads 3"):
        Accounts.restore(image.encode(other))


# --- against the twin -----------------------------------------------------------------------------------------------

NUMBERS = st.integers(1, 4)
KINDS = get_args(PrivateEvent)
EVENTS = st.one_of(
    *(event_of(kind, **({"order_id": NUMBERS} if "order_id" in kind.__struct_fields__ else {})) for kind in KINDS)
)
BATCHES = st.lists(
    st.tuples(TIMES, st.dictionaries(st.sampled_from((ANNA, BERT)), st.lists(EVENTS, max_size=10))), max_size=8
)


def assert_equal(accounts: Accounts, slow: SlowAccounts) -> None:
    for account in accounts.all():
        number = account.account_id
        assert account.name == slow.name(number)
        assert {c: (b.total, b.held) for c, b in account.balances.items()} == slow.balances(number)
        assert account.addresses == slow.addresses(number)
        assert account.positions == slow.positions(number)
        assert account.leverages == slow.leverages(number)
        assert [(kept.ts, kept.fill) for kept in account.fills] == slow.fills(number)[-1000:]
        assert [(kept.ts, kept.paid) for kept in account.payments] == slow.payments(number)[-1000:]
        assert [(kept.ts, kept.settled) for kept in account.settlements] == slow.settlements(number)[-1000:]
        assert {
            order.order_id: (order.price, order.size, order.left, order.status, order.trades)
            for order in account.orders.values()
        } == slow.open_orders(number)
        assert {one.order_id: one.status for one in account.closed.values()} == slow.closed_orders(number)
    owners = slow.keys()
    assert {key: account.account_id for account in accounts.all() for key in account.keys} == owners
    for key, number in owners.items():
        found = accounts.key(key)
        assert found is not None
        assert found[0].account_id == number


@given(BATCHES, st.integers(0, 8))
@settings(deadline=None, max_examples=100)
def test_equals_a_search_through_all_that_happened(
    batches: list[tuple[int, dict[int, list[Any]]]], restored_at: int
) -> None:
    """And so do accounts that were restored on the way, from batches that went through their encoding."""
    driven, slow = Driven(), SlowAccounts()
    other = Accounts()
    for number, (ts, private) in enumerate(batches):
        batch = driven.batch(private, ts)
        if number == restored_at:
            other = Accounts.restore(driven.accounts.snapshot())
        changes = driven.accounts.apply(batch)
        assert changes == other.apply(decode_batch(encode_batch(batch)))
        slow.history += [(change.account, ts, change.event) for change in changes]
        assert_equal(driven.accounts, slow)
        assert_equal(other, slow)
        assert driven.accounts.state_hash() == other.state_hash()


@pytest.mark.parametrize("seed", range(3))
def test_a_busy_account(seed: int) -> None:
    """Orders that are opened, amended, filled in parts and ended, in the order that a venue says it."""
    rng = random.Random(seed)
    driven, slow = Driven(), SlowAccounts()
    alive: dict[int, int] = {}
    for number in range(1, 400):
        events: list[PrivateEvent] = []
        if not alive or rng.random() < 0.4:
            alive[number] = rng.randrange(2, 50)
            events.append(OwnOrderOpened(number, 0, Side.SELL, OrderKind.LIMIT, 100, alive[number]))
        else:
            chosen = rng.choice(list(alive))
            left = alive[chosen] = rng.randrange(alive[chosen])
            if rng.random() < 0.3:
                events.append(OwnOrderAmended(chosen, rng.randrange(90, 110), left + 5, left, True))
            else:
                status = OrderStatus.OPEN if left else OrderStatus.FILLED
                events.append(fill(1, left, chosen))
                events.append(OwnOrderUpdated(chosen, status, left, 1, 100, 1, bool(left)))
            if not left:
                del alive[chosen]
                if isinstance(events[0], OwnOrderAmended):
                    events.append(OwnOrderUpdated(chosen, OrderStatus.CANCELLED, 0, 1, 100, 1, False))
        driven.send(*events, ts=number)
        slow.history += [(ANNA, number, event) for event in events]
        if number % 40 == 0:
            assert_equal(driven.accounts, slow)
    assert set(driven[ANNA].orders) == set(alive)
    assert list(driven[ANNA].orders) == sorted(alive)
