"""Folds batches as any reader does, and checks on the way that every event is one that may come there.

It knows nothing of the venue but its events: the grammar of an order's life, the queues at each price, what every account
was told. Where an event says a result (a level's total, what is left, a balance), it works the result out as well and
compares.
"""

from __future__ import annotations

from collections import defaultdict

from polyfeed.model import enums as k
from polyfeed.model import events as e
from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand, Deposit, PlaceOrder, ReplaceOrder

Key = tuple[int, k.Side, int]


class Follower:
    """What a reader of all batches knows."""

    def __init__(self) -> None:
        self.queues: dict[Key, dict[int, int]] = {}  # order id -> left, oldest first
        self.arriving: dict[int, e.OrderOpened] = {}
        self.left: dict[int, int] = {}  # of what is offset against an own order while arriving, the public hears later
        self.offset: dict[int, int] = defaultdict(int)
        self.amending: set[int] = set()
        self.highest_id = 0
        self.trades = 0
        self.balances: dict[int, dict[str, tuple[int, int]]] = defaultdict(dict)
        self.own: dict[int, dict[int, e.OwnOrderUpdated]] = defaultdict(dict)
        self.filled: dict[int, tuple[int, int, int]] = {}
        self.terms: dict[int, e.OwnOrderOpened] = {}
        self.waiting: set[int] = set()
        self.met: set[int] = set()  # waiting orders whose trigger price a trade has reached
        self.announced: set[int] = set()  # open orders that the public knows
        self.command: AnyCommand | None = None
        self.more = False
        self.since = self.ts = 0
        self.deposits: dict[str, int] = defaultdict(int)

    def follow(self, command: AnyCommand, batch: Batch) -> None:
        """Takes in a batch and the command that was sent for it. It is carried out in the first batch with an origin."""
        if not self.more:
            self.command, self.since = command, batch.ts
        self.ts, self.more = batch.ts, batch.more
        done = self.command if batch.origin is not None else None
        if done is not None:
            self.command = None
            if batch.outcome.accepted:
                self.accepted(done, batch)
        if done is None or not batch.outcome.accepted:
            self.only_expiries(batch)
        for account, events in batch.private.items():
            for private in events:
                if isinstance(private, e.OwnSelfTrade) and account == private.buyer_account:
                    bought = private.taker_side is k.Side.BUY
                    self.offset[private.buy_order_id if bought else private.sell_order_id] += private.size
        for event in batch.public:
            self.public(event)
        if not batch.more:
            for order_id, terms in self.arriving.items():
                self.left[order_id] -= self.offset[order_id]
                assert self.left[order_id] == 0, "an order that arrived neither rests nor ended nor is filled"
                assert not terms.amount, "a quote-sized order did not say that it ended"
            self.offset.clear()
            self.arriving = {}
        for account, events in batch.private.items():
            for private in events:
                self.private(account, private)

    def accepted(self, command: AnyCommand, batch: Batch) -> None:
        if isinstance(command, Deposit):
            self.deposits[command.currency] += command.amount
        if isinstance(command, PlaceOrder):
            assert command.order_id or batch.outcome.order_id > self.highest_id
        if isinstance(command, PlaceOrder | ReplaceOrder):
            self.highest_id = max(self.highest_id, batch.outcome.order_id)

    def only_expiries(self, batch: Batch) -> None:
        """A refused command, or one that has to wait, has no events of its own; the ends of work before it may go on."""
        if self.command is None and batch.outcome.accepted:
            return  # it goes on with what an earlier batch began
        for public in batch.public:
            assert isinstance(public, e.OrderClosed)
            assert public.reason is k.CloseReason.EXPIRED
        for events in batch.private.values():
            for private in events:
                if isinstance(private, e.OwnOrderUpdated):
                    assert private.status is k.OrderStatus.EXPIRED
                else:
                    assert isinstance(private, e.BalanceSet)
                    assert private.cause is k.BalanceCause.RELEASE

    def public(self, event: e.PublicEvent) -> None:
        match event:
            case e.OrderOpened():
                self.opened(event)
            case e.OrderRested():
                self.rested(event)
            case e.OrderReduced():
                queue = self.queues[event.instrument, event.side, event.price]
                assert 0 < event.left < queue[event.order_id]
                queue[event.order_id] = self.left[event.order_id] = event.left
                self.level(event, event.level_size)
            case e.OrderClosed():
                self.closed(event)
            case e.Trade():
                self.trade(event)

    def opened(self, event: e.OrderOpened) -> None:
        assert (event.size > 0) != (event.amount > 0)
        assert event.order_id not in self.arriving
        self.announced.add(event.order_id)
        assert event.amended == (event.order_id in self.amending)
        self.amending.discard(event.order_id)
        self.arriving[event.order_id] = event
        self.left[event.order_id] = event.size

    def rested(self, event: e.OrderRested) -> None:
        order_id, key = event.order_id, (event.instrument, event.side, event.price)
        terms = self.arriving.pop(order_id, None)
        if terms is None:
            assert event.left > self.queues[key].pop(order_id), "it came to the end of its queue for nothing"
            self.left[order_id] = event.left
        else:
            assert (terms.price, terms.side) == (event.price, event.side)
            assert terms.kind is k.OrderKind.LIMIT
            assert terms.tif not in (k.TimeInForce.IOC, k.TimeInForce.FOK)
            self.left[order_id] -= self.offset[order_id]
            assert event.left == self.left[order_id] > 0
        self.queues.setdefault(key, {})[order_id] = event.left
        self.level(event, event.level_size)
        self.uncrossed(event.instrument)

    def closed(self, event: e.OrderClosed) -> None:
        key = (event.instrument, event.side, event.price)
        if event.level_size == e.UNKNOWN_LEVEL:
            terms = self.arriving.pop(event.order_id)
            assert event.reason is not k.CloseReason.USER
            assert (terms.price, terms.side) == (event.price, event.side)
            self.left[event.order_id] -= 0 if terms.amount else self.offset[event.order_id]
            if event.reason in (k.CloseReason.POST_ONLY, k.CloseReason.FOK):
                assert (event.left, event.last_price) == (terms.size, 0)
        else:
            assert event.order_id in self.queues[key]
            assert event.last_price == 0
            if event.reason is k.CloseReason.SELF_TRADE and event.left == 0:
                self.left[event.order_id] = 0
            self.unqueue(key, event.order_id)
            self.level(event, event.level_size)
            if event.reason is k.CloseReason.AMENDED:
                self.amending.add(event.order_id)
        assert event.left == self.left[event.order_id]

    def trade(self, event: e.Trade) -> None:
        terms, facing = self.arriving[event.taker_id], k.Side(1 - event.taker_side)
        assert event.size > 0
        assert not terms.post_only
        assert (terms.side, terms.kind) == (event.taker_side, event.taker_kind)
        best = self.best(event.instrument, facing)
        assert event.price == best, "not the best price"
        assert self.crosses(terms, event.price)
        queue = self.queues[event.instrument, facing, event.price]
        assert next(iter(queue)) == event.maker_id, "not the oldest order"
        self.trades += 1
        assert event.trade_id == self.trades
        queue[event.maker_id] -= event.size
        self.left[event.maker_id] -= event.size
        assert event.maker_left == self.left[event.maker_id] >= 0
        if terms.amount:
            assert event.taker_left == 0
        else:
            left = self.left[event.taker_id] = self.left[event.taker_id] - event.size
            assert left - self.offset[event.taker_id] <= event.taker_left <= left
        for order_id in self.waiting:
            if self.terms[order_id].instrument == event.instrument and self.meets(order_id, event.price):
                self.met.add(order_id)
        if not event.maker_left:
            self.unqueue((event.instrument, facing, event.price), event.maker_id)
        assert event.level_size == sum(self.queues.get((event.instrument, facing, event.price), {}).values())

    def unqueue(self, key: Key, order_id: int) -> None:
        del self.queues[key][order_id]
        if not self.queues[key]:
            del self.queues[key]

    def level(self, event: e.OrderRested | e.OrderReduced | e.OrderClosed, told: int) -> None:
        assert told == sum(self.queues.get((event.instrument, event.side, event.price), {}).values())

    def best(self, instrument: int, side: k.Side) -> int | None:
        prices = [price for number, of, price in self.queues if (number, of) == (instrument, side)]
        if not prices:
            return None
        return max(prices) if side is k.Side.BUY else min(prices)

    def uncrossed(self, instrument: int) -> None:
        bid, ask = self.best(instrument, k.Side.BUY), self.best(instrument, k.Side.SELL)
        assert bid is None or ask is None or bid < ask

    @staticmethod
    def crosses(terms: e.OrderOpened, price: int) -> bool:
        if terms.kind is not k.OrderKind.LIMIT and not terms.price:
            return True
        return price <= terms.price if terms.side is k.Side.BUY else price >= terms.price

    # --- private ----------------------------------------------------------------------------------------------------

    def private(self, account: int, event: e.PrivateEvent) -> None:
        match event:
            case e.BalanceSet():
                total, _ = self.balances[account].get(event.currency, (0, 0))
                assert event.total == total + event.change
                self.balances[account][event.currency] = (event.total, event.held)
            case e.OwnOrderOpened():
                self.entered(account, event)
            case e.OwnTriggered():
                assert event.active
                assert event.order_id in self.own[account]
                self.waiting.remove(event.order_id)
                assert self.terms[event.order_id].trailing_bps or event.order_id in self.met, (
                    "its price was not reached"
                )
                assert event.order_id in self.announced
            case e.OwnFill():
                self.fill(account, event)
            case e.OwnOrderUpdated():
                self.updated(account, event)
            case e.OwnOrderAmended():
                assert self.own[account][event.order_id].rested or event.order_id in self.waiting

    def entered(self, account: int, event: e.OwnOrderOpened) -> None:
        order_id = event.order_id
        self.filled[order_id] = (0, 0, 0)
        self.terms[order_id] = event
        assert not event.expire_ts or event.expire_ts > self.since
        assert (event.trigger is not k.Trigger.NONE) == (event.status is k.OrderStatus.UNTRIGGERED)
        if event.status is k.OrderStatus.UNTRIGGERED:
            self.waiting.add(order_id)
            if self.meets(order_id, event.last_price):
                self.met.add(order_id)
        self.own[account][order_id] = e.OwnOrderUpdated(order_id, event.status, event.size, 0, 0, 0, False)

    def meets(self, order_id: int, price: int) -> bool:
        """Whether a price reaches the trigger price of a plain waiting order."""
        terms = self.terms[order_id]
        if not price or not terms.trigger_price:
            return False
        if (terms.trigger is k.Trigger.STOP_LOSS) == (terms.side is k.Side.BUY):
            return price >= terms.trigger_price
        return price <= terms.trigger_price

    def fill(self, account: int, event: e.OwnFill) -> None:
        assert event.order_id in self.own[account]
        assert event.order_id not in self.waiting
        filled, value, fees = self.filled[event.order_id]
        terms = self.terms[event.order_id]
        if terms.kind is k.OrderKind.CASH_SELL:
            assert value < terms.amount, "it had sold enough"
        fees += event.fee
        value += event.value
        self.filled[event.order_id] = (filled + event.size, value, fees)
        if terms.kind is k.OrderKind.INSTANT:
            assert value + fees <= terms.amount

    def updated(self, account: int, event: e.OwnOrderUpdated) -> None:
        order_id = event.order_id
        assert (event.filled, event.value, event.fees) == self.filled[order_id]
        assert (event.left == 0) >= (event.status is k.OrderStatus.FILLED)
        assert (event.status is k.OrderStatus.EXPIRED) == (event.reason is k.CloseReason.EXPIRED)
        if event.status in (k.OrderStatus.OPEN, k.OrderStatus.UNTRIGGERED):
            assert event.left > 0 or self.terms[order_id].amount
            assert (event.status is k.OrderStatus.UNTRIGGERED) == (order_id in self.waiting)
            self.own[account][order_id] = event
            return
        assert not event.rested
        if event.status is k.OrderStatus.EXPIRED:
            assert 0 < self.terms[order_id].expire_ts <= self.ts
        del self.own[account][order_id]
        for known in (self.waiting, self.met, self.announced):
            known.discard(order_id)

    # --- at rest ----------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Holds between decisions: public and private say the same orders, and no money was made or lost."""
        assert not self.arriving
        queued = {order_id: left for queue in self.queues.values() for order_id, left in queue.items()}
        mine = [order for orders in self.own.values() for order in orders.values()]
        assert queued == {order.order_id: order.left for order in mine if order.order_id not in self.waiting}
        assert all(order.rested != (order.order_id in self.waiting) for order in mine)
        assert not self.waiting & self.met, "a trigger did not fire"
        assert not self.waiting & self.announced, "the public hears of an order that waits"
        ends = [self.terms[order.order_id].expire_ts for order in mine]
        assert not any(0 < end <= self.since for end in ends), "an order did not end"
        sums: dict[str, int] = defaultdict(int)
        for balances in self.balances.values():
            for currency, (total, _) in balances.items():
                sums[currency] += total
        assert {code: total for code, total in sums.items() if total} == {c: d for c, d in self.deposits.items() if d}
