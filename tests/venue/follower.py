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
        self.deposits: dict[str, int] = defaultdict(int)

    def follow(self, command: AnyCommand, batch: Batch) -> None:
        """Takes in a batch and the command it answers."""
        if not batch.outcome.accepted:
            assert not batch.public
            assert not batch.private
            return
        if isinstance(command, Deposit):
            self.deposits[command.currency] += command.amount
        if isinstance(command, PlaceOrder):
            assert command.order_id or batch.outcome.order_id > self.highest_id
        if isinstance(command, PlaceOrder | ReplaceOrder):
            self.highest_id = max(self.highest_id, batch.outcome.order_id)
        for events in batch.private.values():
            for private in events:
                if isinstance(private, e.OwnSelfTrade):
                    self.offset[private.buy_order_id] += private.size
                    self.offset[private.sell_order_id] += private.size
        for event in batch.public:
            self.public(event)
        if not batch.more:
            for order_id in self.arriving:
                self.left[order_id] -= self.offset[order_id]
            self.offset.clear()
            done = [order_id for order_id in self.arriving if self.left[order_id] == 0]
            assert len(done) == len(self.arriving), "an order that arrived neither rests nor ended nor is filled"
            self.arriving = {}
        for account, events in batch.private.items():
            for private in events:
                self.private(account, private)

    def public(self, event: e.PublicEvent) -> None:
        match event:
            case e.OrderOpened():
                self.opened(event)
            case e.OrderRested():
                terms = self.arriving.pop(event.order_id)
                assert (terms.price, terms.side) == (event.price, event.side)
                assert terms.kind is k.OrderKind.LIMIT
                assert terms.tif is k.TimeInForce.GTC
                self.left[event.order_id] -= self.offset[event.order_id]
                assert event.left == self.left[event.order_id] > 0
                self.queues.setdefault((event.instrument, event.side, event.price), {})[event.order_id] = event.left
                self.level(event, event.level_size)
                self.uncrossed(event.instrument)
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
        assert event.size > 0
        assert event.order_id not in self.arriving
        assert event.amended == (event.order_id in self.amending)
        self.amending.discard(event.order_id)
        self.arriving[event.order_id] = event
        self.left[event.order_id] = event.size

    def closed(self, event: e.OrderClosed) -> None:
        key = (event.instrument, event.side, event.price)
        if event.level_size == e.UNKNOWN_LEVEL:
            terms = self.arriving.pop(event.order_id)
            assert event.reason is not k.CloseReason.USER
            assert (terms.price, terms.side) == (event.price, event.side)
            self.left[event.order_id] -= self.offset[event.order_id]
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
        self.left[event.taker_id] -= event.size
        assert self.left[event.taker_id] - self.offset[event.taker_id] <= event.taker_left <= self.left[event.taker_id]
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
        if terms.kind is k.OrderKind.MARKET:
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
                self.filled[event.order_id] = (0, 0, 0)
                start = e.OwnOrderUpdated(event.order_id, event.status, event.size, 0, 0, 0, False)
                self.own[account][event.order_id] = start
            case e.OwnFill():
                assert event.order_id in self.own[account]
                filled, value, fees = self.filled[event.order_id]
                self.filled[event.order_id] = (filled + event.size, value + event.value, fees + event.fee)
            case e.OwnOrderUpdated():
                assert (event.filled, event.value, event.fees) == self.filled[event.order_id]
                assert (event.left == 0) >= (event.status is k.OrderStatus.FILLED)
                if event.status is k.OrderStatus.OPEN:
                    assert event.left > 0
                    self.own[account][event.order_id] = event
                else:
                    assert not event.rested
                    del self.own[account][event.order_id]
            case e.OwnOrderAmended():
                assert self.own[account][event.order_id].rested

    # --- at rest ----------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Holds between decisions: public and private say the same orders, and no money was made or lost."""
        assert not self.arriving
        queued = {order_id: left for queue in self.queues.values() for order_id, left in queue.items()}
        owned = {o.order_id: o.left for orders in self.own.values() for o in orders.values()}
        assert queued == owned
        assert all(order.rested for orders in self.own.values() for order in orders.values())
        sums: dict[str, int] = defaultdict(int)
        for balances in self.balances.values():
            for currency, (total, _) in balances.items():
                sums[currency] += total
        assert {code: total for code, total in sums.items() if total} == {c: d for c, d in self.deposits.items() if d}
