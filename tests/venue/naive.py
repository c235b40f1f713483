"""The venue once more, slow and obvious: written from the rules, with nothing taken from the venue's own code.

All resting orders lie in one list, all that wait for their trigger in another. Whatever is wanted of it (a side of a book, a level's total, what an account has held)
is worked out from the whole lists each time it is asked for. A fill-or-kill order is tried out on a copy of everything. A
decision is always one batch, however large.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from typing import Any

from polyfeed.model import commands as c
from polyfeed.model import enums as k
from polyfeed.model import events as e
from polyfeed.model.batches import Batch, Outcome
from polyfeed.model.instruments import Currency, Instrument

DAY_US = 24 * 60 * 60 * 10**6
STOPS = (k.Trigger.STOP_LOSS, k.Trigger.TRAILING_STOP_LOSS)
TRAILING = (k.Trigger.TRAILING_STOP_LOSS, k.Trigger.TRAILING_TAKE_PROFIT)
BY_AMOUNT = (k.OrderKind.INSTANT, k.OrderKind.CASH_SELL)
IMMEDIATE = (k.TimeInForce.IOC, k.TimeInForce.FOK)
TIMED = (k.TimeInForce.DAY, k.TimeInForce.GTD)
ENDS = {
    k.CloseReason.POST_ONLY: k.OrderStatus.REJECTED,
    k.CloseReason.FOK: k.OrderStatus.REJECTED,
    k.CloseReason.EXPIRED: k.OrderStatus.EXPIRED,
    k.CloseReason.FILLED: k.OrderStatus.FILLED,
}


class No(Exception):
    """The command is refused."""


@dataclass(eq=False)
class Order:
    """An order; `rank` says when it came to its place in the queue, 0 while it is in none.

    `offset` is what of its amount an own order took away; `best` is what a trailing order has seen since it was armed.
    `gateway` is the one whose end ends it.
    """

    id: int
    account: int
    instrument: int
    side: k.Side
    kind: k.OrderKind
    price: int
    size: int
    tif: k.TimeInForce
    post_only: bool
    mode: k.SelfTrade
    left: int
    entry: int
    terms: c.PlaceOrder
    expire: int
    gateway: int = 0
    offset: int = 0
    best: int = 0
    filled: int = 0
    value: int = 0
    fees: int = 0
    rank: int = 0
    last_price: int = 0

    @property
    def buys(self) -> bool:
        return self.side == k.Side.BUY

    @property
    def limited(self) -> bool:
        return self.kind == k.OrderKind.LIMIT

    @property
    def by_amount(self) -> bool:
        return self.kind in BY_AMOUNT

    @property
    def budget(self) -> int:
        """What is left of its amount."""
        return self.terms.amount - self.offset - self.value - (self.fees if self.buys else 0)

    @property
    def trails(self) -> bool:
        return self.terms.trigger in TRAILING

    @property
    def target(self) -> tuple[bool, Fraction]:
        """Whether it waits for a rise, and to which price."""
        if self.best:
            share = Fraction(self.terms.trailing_bps, 10_000)
            return self.buys, self.best * (1 + share if self.buys else 1 - share)
        price = self.terms.activation_price if self.trails else self.terms.trigger_price
        return not price or self.buys == (self.terms.trigger in STOPS), Fraction(price)

    def reached(self, price: int) -> bool:
        rises, target = self.target
        return price >= target if rises else price <= target


class NaiveVenue:
    """Takes the same commands as the venue and gives batches that must be equal (but for the words of a refusal)."""

    def __init__(self) -> None:
        self.currencies: dict[str, Currency] = {}
        self.instruments: list[Instrument] = []
        self.status: list[k.InstrumentStatus] = []
        self.accounts: dict[int, c.OpenAccount] = {0: c.OpenAccount(0, "fees", True)}
        self.money: dict[tuple[int, str], int] = {}
        self.orders: list[Order] = []
        self.waiting: list[Order] = []
        self.fired: list[Order] = []
        self.arriving: Order | None = None
        self.asking = 0
        self.counter = 0
        self.highest_id = 0
        self.trades = 0
        self.last_price: dict[int, int] = {}
        self.public: list[e.PublicEvent] = []
        self.private: dict[int, list[e.PrivateEvent]] = {}

    def apply(self, stamped: c.Stamped) -> Batch:
        """One command, one batch."""
        self.public, self.private = [], {}
        self.asking = stamped.origin.gateway if stamped.origin else 0
        before = self.statement()
        due = [order for order in [*self.orders, *self.waiting] if 0 < order.expire <= stamped.ts]
        for order in sorted(due, key=lambda o: (o.expire, o.entry)):
            self.end(order, k.CloseReason.EXPIRED)
        try:
            outcome = self.carry_out(stamped.command, stamped.ts)
        except No as no:
            outcome = Outcome(k.Refusal(no.args[0]))
        while self.fired:
            self.activate(self.fired.pop(0))
        if isinstance(stamped.command, c.Deposit) and outcome.accepted:
            key = stamped.command.account, stamped.command.currency
            before[key] = self.statement()[key]
        self.tell_balances(before)
        return Batch(1, stamped.seq, stamped.ts, outcome, stamped.origin, self.public, self.private)

    def carry_out(self, command: c.AnyCommand, ts: int) -> Outcome:
        match command:
            case c.DefineCurrency(currency):
                return self.define(currency)
            case c.ListInstrument(instrument):
                return self.list(instrument)
            case c.SetInstrumentStatus(instrument_id, status):
                self.instrument(instrument_id)
                self.status[instrument_id] = status
                self.public.append(e.InstrumentStatusSet(instrument_id, status))
            case c.SetSystemStatus(text):
                self.public.append(e.SystemStatusSet(text))
            case c.OpenAccount():
                return self.open_account(command)
            case c.Deposit():
                return self.deposit(command)
            case c.PlaceOrder():
                return self.place(command, ts)
            case c.CancelOrder(account, order_id):
                order = self.own_order(account, order_id)
                self.may_cancel(order.instrument)
                self.end(order, k.CloseReason.USER)
                return Outcome(order_id=order_id)
            case c.CancelAll():
                return self.cancel_all(command)
            case c.EndGateway(gateway):
                self.end_gateway(gateway)
            case c.AmendOrder():
                return self.amend(command)
            case c.ReplaceOrder():
                return self.replace(command, ts)
            case c.Proceed():
                raise No(k.Refusal.INVALID_TERMS)
        return Outcome()

    # --- what is known ----------------------------------------------------------------------------------------------

    def need(self, condition: bool, otherwise: k.Refusal) -> None:
        if not condition:
            raise No(otherwise)

    def instrument(self, number: int) -> Instrument:
        self.need(number in range(len(self.instruments)), k.Refusal.UNKNOWN_INSTRUMENT)
        return self.instruments[number]

    def account(self, number: int) -> c.OpenAccount:
        self.need(number in self.accounts, k.Refusal.UNKNOWN_ACCOUNT)
        return self.accounts[number]

    def own_order(self, account: int, order_id: int) -> Order:
        self.account(account)
        found = [order for order in [*self.orders, *self.waiting] if order.id == order_id]
        self.need(bool(found), k.Refusal.UNKNOWN_ORDER)
        self.need(found[0].account == account, k.Refusal.NOT_ITS_OWNER)
        return found[0]

    def book(self, instrument: int, side: k.Side) -> list[Order]:
        """A side of a book, best price first, then by rank."""
        orders = [order for order in self.orders if (order.instrument, order.side) == (instrument, side)]
        return sorted(orders, key=lambda o: (-o.price if side == k.Side.BUY else o.price, o.rank))

    def level(self, order: Order) -> int:
        """The total at an order's price, on its side."""
        return sum(o.left for o in self.book(order.instrument, order.side) if o.price == order.price)

    def meets(self, order: Order) -> list[Order]:
        """Whom an order would trade with, first one first."""
        facing = self.book(order.instrument, k.Side(1 - order.side))
        if not order.limited and not order.price:
            return facing
        return [o for o in facing if (o.price <= order.price if order.buys else o.price >= order.price)]

    # --- money ------------------------------------------------------------------------------------------------------

    def cost(self, number: int, price: int, size: int) -> int:
        """Units of the quote currency, rounded down."""
        terms = self.instruments[number]
        units = price * size * 10 ** self.currencies[terms.quote].scale
        return int(units // 10 ** (terms.price_scale + terms.size_scale))

    def base(self, number: int, size: int) -> int:
        """Units of the base currency."""
        terms = self.instruments[number]
        return int(size * 10 ** self.currencies[terms.base].scale // 10**terms.size_scale)

    def rate(self, order: Order, maker: bool) -> int:
        account, terms = self.accounts[order.account], self.instruments[order.instrument]
        own = account.maker_fee_ppm if maker else account.taker_fee_ppm
        return (terms.maker_fee_ppm if maker else terms.taker_fee_ppm) if own is None else own

    def fee(self, order: Order, maker: bool, value: int) -> int:
        """Towards zero."""
        rate = self.rate(order, maker)
        fee = value * abs(rate) // 10**6
        return fee if rate > 0 else -fee

    def held_for(self, order: Order) -> tuple[str, int]:
        """What an order needs: a currency and an amount."""
        terms = self.instruments[order.instrument]
        if self.accounts[order.account].house:
            return terms.quote, 0
        if order.buys and not order.limited:
            return terms.quote, order.budget if order.by_amount else 0
        if not order.buys:
            return terms.base, self.base(order.instrument, order.left)
        value = self.cost(order.instrument, order.price, order.left)
        fees = [self.fee(order, True, value), 0]
        if not order.post_only:
            fees.append(self.fee(order, False, value))
        return terms.quote, value + max(fees)

    def all_held(self) -> dict[tuple[int, str], int]:
        """What the orders of each account need, by currency."""
        held: dict[tuple[int, str], int] = {}
        arriving = [self.arriving] if self.arriving else []
        for order in [*self.orders, *self.waiting, *self.fired, *arriving]:
            code, amount = self.held_for(order)
            held[order.account, code] = held.get((order.account, code), 0) + amount
        return held

    def held(self, account: int, currency: str) -> int:
        return self.all_held().get((account, currency), 0)

    def free(self, account: int, currency: str) -> int:
        return self.money.get((account, currency), 0) - self.held(account, currency)

    def move(self, account: int, currency: str, amount: int) -> None:
        self.money[account, currency] = self.money.get((account, currency), 0) + amount

    def statement(self) -> dict[tuple[int, str], tuple[int, int]]:
        """Every account's total and held."""
        held = self.all_held()
        keys = [(account, code) for account in self.accounts for code in sorted(self.currencies)]
        return {key: (self.money.get(key, 0), held.get(key, 0)) for key in keys}

    def tell_balances(self, before: dict[tuple[int, str], tuple[int, int]]) -> None:
        after = self.statement()
        changed = [key for key, now in after.items() if now != before.get(key, (0, 0))]
        in_order_of_mention = [*self.private, *(account for account, _ in changed if account not in self.private)]
        for account in in_order_of_mention:
            for code in sorted(code for owner, code in changed if owner == account):
                (old, old_held), (total, held) = before[account, code], after[account, code]
                if total != old:
                    cause = k.BalanceCause.FILL if account else k.BalanceCause.FEE
                else:
                    cause = k.BalanceCause.HOLD if held > old_held else k.BalanceCause.RELEASE
                self.own(account, e.BalanceSet(code, total, held, cause, total - old))

    # --- words ------------------------------------------------------------------------------------------------------

    def own(self, account: int, event: e.PrivateEvent) -> None:
        self.private.setdefault(account, []).append(event)

    def update(self, order: Order) -> None:
        status = k.OrderStatus.OPEN if order.left or order.by_amount else k.OrderStatus.FILLED
        if order in self.waiting:
            status = k.OrderStatus.UNTRIGGERED
        fields = (order.left, order.filled, order.value, order.fees, order.rank > 0)
        self.own(order.account, e.OwnOrderUpdated(order.id, status, *fields))

    def end(self, order: Order, reason: k.CloseReason) -> None:
        """An order ends with what it has left, whether it is in the book or arriving."""
        level = e.UNKNOWN_LEVEL
        if order in self.orders:
            self.orders.remove(order)
            level = self.level(order)
        elif order is self.arriving:
            self.arriving = None
        if order in self.waiting:
            self.waiting.remove(order)
        else:
            where = (order.instrument, order.id, order.side, order.price)
            self.public.append(e.OrderClosed(*where, order.left, reason, level, order.last_price))
        status = ENDS.get(reason, k.OrderStatus.CANCELLED)
        fields = (order.left, order.filled, order.value, order.fees, False, reason)
        self.own(order.account, e.OwnOrderUpdated(order.id, status, *fields))

    # --- set-up -----------------------------------------------------------------------------------------------------

    def define(self, currency: Currency) -> Outcome:
        self.need(currency.code != "", k.Refusal.INVALID_TERMS)
        self.need(currency.code not in self.currencies, k.Refusal.ALREADY_EXISTS)
        self.need(0 <= currency.scale <= 18, k.Refusal.INVALID_TERMS)
        if not self.currencies:
            self.own(0, e.AccountOpened("fees", True))
        self.currencies[currency.code] = currency
        self.public.append(e.CurrencyDefined(currency))
        return Outcome()

    def list(self, instrument: Instrument) -> Outcome:
        """Flows list only good instruments; what is wrong with others is tested by hand."""
        self.need(instrument.id == len(self.instruments), k.Refusal.INVALID_TERMS)
        self.instruments.append(instrument)
        self.status.append(instrument.status)
        self.public.append(e.InstrumentListed(instrument))
        return Outcome()

    def open_account(self, command: c.OpenAccount) -> Outcome:
        self.need(command.account >= 0, k.Refusal.INVALID_TERMS)
        self.need(command.account not in self.accounts, k.Refusal.ALREADY_EXISTS)
        self.accounts[command.account] = command
        self.own(command.account, e.AccountOpened(command.name, command.house, command.parent))
        return Outcome()

    def deposit(self, command: c.Deposit) -> Outcome:
        account, code, amount = command.account, command.currency, command.amount
        terms = self.account(account)
        self.need(code in self.currencies, k.Refusal.UNKNOWN_CURRENCY)
        self.need(amount != 0, k.Refusal.INVALID_AMOUNT)
        self.need(amount > 0 or terms.house or -amount <= self.free(account, code), k.Refusal.INSUFFICIENT_FUNDS)
        self.move(account, code, amount)
        cause = k.BalanceCause.DEPOSIT if amount > 0 else k.BalanceCause.WITHDRAWAL
        self.own(account, e.BalanceSet(code, self.money[account, code], self.held(account, code), cause, amount))
        return Outcome()

    # --- orders -----------------------------------------------------------------------------------------------------

    def may_enter(self, instrument: int, kind: k.OrderKind, post_only: bool) -> None:
        status = self.status[instrument]
        self.need(self.instruments[instrument].detail == k.Detail.ORDERS, k.Refusal.MARKET_CLOSED)
        self.need(
            status == "online"
            or (status == "limit_only" and kind == k.OrderKind.LIMIT)
            or (status == "post_only" and post_only),
            k.Refusal.MARKET_CLOSED,
        )

    def may_cancel(self, instrument: int) -> None:
        self.need(self.instruments[instrument].detail == k.Detail.ORDERS, k.Refusal.MARKET_CLOSED)
        self.need(self.status[instrument] != "halted", k.Refusal.MARKET_CLOSED)

    def good_price(self, number: int, price: int) -> None:
        self.need(price > 0 and price % self.instruments[number].tick == 0, k.Refusal.INVALID_PRICE)

    def good_size(self, number: int, size: int, account: int) -> None:
        terms = self.instruments[number]
        self.need(size > 0 and size % terms.lot == 0, k.Refusal.INVALID_SIZE)
        self.need(self.accounts[account].house or size >= terms.min_size, k.Refusal.SIZE_TOO_SMALL)

    def good_cost(self, number: int, price: int, size: int) -> None:
        self.need(self.cost(number, price, size) >= self.instruments[number].min_cost, k.Refusal.COST_TOO_SMALL)

    def good_terms(self, command: c.PlaceOrder, ts: int) -> None:
        """All that can be wrong with an order but its cost, its id and the money for it."""
        number, wrong = command.instrument, k.Refusal.INVALID_TERMS
        if command.kind == k.OrderKind.LIMIT:
            self.need(not command.post_only or command.tif not in IMMEDIATE, wrong)
            self.good_price(number, command.price)
        else:
            self.need(not command.post_only, wrong)
            self.need(command.tif not in TIMED or command.trigger != k.Trigger.NONE, wrong)
            if command.price:
                self.good_price(number, command.price)
        timed = command.tif == k.TimeInForce.GTD
        self.need(command.expire_ts > ts if timed else command.expire_ts == 0, wrong)
        self.good_trigger(command)
        self.need(not command.reduce_only, wrong)
        if command.kind not in BY_AMOUNT:
            self.need(command.amount == 0, wrong)
            self.good_size(number, command.size, command.account)
            return
        self.need((command.kind == k.OrderKind.INSTANT) == (command.side == k.Side.BUY), wrong)
        self.need(command.size == 0 and command.tif != k.TimeInForce.FOK, wrong)
        self.need(command.amount > 0, k.Refusal.INVALID_AMOUNT)
        self.need(command.amount >= self.instruments[number].min_cost, k.Refusal.COST_TOO_SMALL)

    def good_trigger(self, command: c.PlaceOrder) -> None:
        at, since, apart = command.trigger_price, command.activation_price, command.trailing_bps
        if command.trigger == k.Trigger.NONE:
            self.need(not (at or since or apart), k.Refusal.INVALID_TERMS)
        elif command.trigger in TRAILING:
            self.need(not at and 0 < apart < 10_000, k.Refusal.INVALID_TERMS)
            if since:
                self.good_price(command.instrument, since)
        else:
            self.need(not since and not apart, k.Refusal.INVALID_TERMS)
            self.good_price(command.instrument, at)

    def place(self, command: c.PlaceOrder, ts: int, old: Order | None = None) -> Outcome:
        account = self.account(command.account)
        number = command.instrument
        self.instrument(number)
        self.may_enter(number, command.kind, command.post_only)
        self.good_terms(command, ts)
        if command.kind == k.OrderKind.LIMIT:
            self.good_cost(number, command.price, command.size)
        if command.order_id:
            self.need(account.house and 0 < command.order_id < 2**52, k.Refusal.INVALID_TERMS)
            known = [o.id for o in [*self.orders, *self.waiting]]
            self.need(command.order_id not in known, k.Refusal.DUPLICATE_ORDER_ID)
        midnight = ts - ts % DAY_US + DAY_US
        order = Order(
            0,
            command.account,
            number,
            command.side,
            command.kind,
            command.price,
            command.size,
            command.tif,
            command.post_only,
            command.self_trade,
            command.size,
            self.counter + 1,
            command,
            midnight if command.tif == k.TimeInForce.DAY else command.expire_ts,
            self.asking if command.bound else old.gateway if old else 0,
        )
        if not account.house:
            code, amount = self.held_for(order)
            freed = self.held_for(old)[1] if old else 0
            self.need(amount <= self.free(command.account, code) + freed, k.Refusal.INSUFFICIENT_FUNDS)
        self.need(not command.bound or self.asking > 0, k.Refusal.INVALID_TERMS)
        if old:
            self.end(old, k.CloseReason.REPLACED)
        self.counter += 1
        from_time = (ts // 1000 - 1_288_834_974_657) * 4096
        order.id = command.order_id or max(self.highest_id + 1, from_time)
        self.highest_id = max(self.highest_id, order.id)
        self.acknowledge(order, old)
        if command.trigger != k.Trigger.NONE:
            self.waiting.append(order)
            self.price_moved(number)
        else:
            self.announce(order)
            self.arrive(order)
        return Outcome(order_id=order.id)

    def acknowledge(self, order: Order, old: Order | None) -> None:
        terms = order.terms
        head = (order.id, order.instrument, order.side, order.kind, order.price, order.size, order.tif, order.post_only)
        waits = terms.trigger != k.Trigger.NONE
        told = e.OwnOrderOpened(
            *head,
            order.mode,
            terms.client_id,
            k.OrderStatus.UNTRIGGERED if waits else k.OrderStatus.OPEN,
            terms.amount,
            order.expire,
            terms.trigger,
            terms.trigger_price,
            terms.activation_price,
            terms.trailing_bps,
            replaces=old.id if old else 0,
            last_price=self.last_price.get(order.instrument, 0),
        )
        self.own(order.account, told)

    def announce(self, order: Order, amended: bool = False) -> None:
        where = (order.instrument, order.id, order.side, order.price, order.left)
        what = (order.kind, order.tif, order.post_only, order.terms.trigger, order.terms.amount)
        self.public.append(e.OrderOpened(*where, *what, amended=amended))

    def price_moved(self, number: int) -> None:
        """Sees which of the waiting orders the last price reaches."""
        price = self.last_price.get(number, 0)
        if not price:
            return
        waiting = [order for order in self.waiting if order.instrument == number]
        for order in waiting:
            if order.best:
                order.best = min(order.best, price) if order.buys else max(order.best, price)
        reached = [order for order in waiting if order.reached(price)]
        for order in sorted(reached, key=self.nearness):
            if order.trails and not order.best:
                order.best = price
            else:
                self.waiting.remove(order)
                self.fired.append(order)

    @staticmethod
    def nearness(order: Order) -> tuple[bool, int, int]:
        """Rises before falls, what is nearest to where the price came from first, then by entry."""
        rises, target = order.target
        return not rises, ceil(target) if rises else -floor(target), order.entry

    def activate(self, order: Order) -> None:
        """A fired order comes into the market."""
        self.own(order.account, e.OwnTriggered(order.id, True))
        self.announce(order)
        self.arrive(order)

    def arrive(self, order: Order) -> None:
        self.arriving = order
        if order.post_only and self.meets(order):
            return self.end(order, k.CloseReason.POST_ONLY)
        if order.tif == k.TimeInForce.FOK and not self.would_fill(order):
            return self.end(order, k.CloseReason.FOK)
        reason = self.match(order)
        if reason is None and order.by_amount:
            has_enough = order.filled and (order.budget <= 0 or self.meets(order))
            reason = k.CloseReason.FILLED if has_enough else k.CloseReason.MARKET_REST
        if reason is None and order.left:
            if not order.limited:
                reason = k.CloseReason.MARKET_REST
            elif order.tif == k.TimeInForce.IOC:
                reason = k.CloseReason.IOC
            else:
                self.rest(order)
        if reason is not None:
            self.end(order, reason)
        self.arriving = None
        return None

    def rest(self, order: Order) -> None:
        self.counter += 1
        order.rank, order.last_price = self.counter, 0
        self.orders.append(order)
        where = (order.instrument, order.id, order.side, order.price)
        self.public.append(e.OrderRested(*where, order.left, self.level(order)))
        self.update(order)

    def would_fill(self, order: Order) -> bool:
        """Tries it out."""
        trial = copy.copy(self)
        trial.orders = [replace(o) for o in self.orders]
        trial.money, trial.last_price = dict(self.money), {}
        trial.public, trial.private = [], {}
        trial.waiting, trial.fired = [replace(o) for o in self.waiting], [replace(o) for o in self.fired]
        trial.arriving = replace(order)
        trial.match(trial.arriving)
        return bool(trial.arriving.filled == order.size)

    def match(self, taker: Order) -> k.CloseReason | None:
        """Trades as far as it goes. Gives why the taker must end, if it must."""
        while (taker.left or taker.by_amount) and (facing := self.meets(taker)):
            maker = facing[0]
            wanted = self.wanted(taker, maker)
            if not wanted:
                return None
            if self.user(maker.account) == self.user(taker.account) and taker.mode != k.SelfTrade.ALLOW:
                if taker.mode == k.SelfTrade.CANCEL_TAKER:
                    return k.CloseReason.SELF_TRADE
                if taker.mode == k.SelfTrade.DECREMENT:
                    if self.decrement(taker, maker, wanted):
                        return k.CloseReason.SELF_TRADE
                    continue
                self.end(maker, k.CloseReason.SELF_TRADE)
                if taker.mode == k.SelfTrade.CANCEL_BOTH:
                    return k.CloseReason.SELF_TRADE
                continue
            size = self.payable(taker, maker, wanted)
            if size:
                self.trade(taker, maker, size)
                self.price_moved(taker.instrument)
            if size < wanted:
                return k.CloseReason.NO_FUNDS
        return None

    def user(self, account: int) -> int:
        return self.accounts[account].parent or account

    def wanted(self, taker: Order, maker: Order) -> int:
        """How much it wants of a maker; for an amount the lots are tried one after the other, upwards."""
        if not taker.by_amount:
            return min(taker.left, maker.left)
        lot, size = self.instruments[taker.instrument].lot, 0
        while size < maker.left:
            if taker.buys:
                if self.price_of(taker, maker, size + lot) > taker.budget:
                    break
            elif self.cost(taker.instrument, maker.price, size) >= taker.budget:
                break
            size += lot
        return size

    def payable(self, taker: Order, maker: Order, size: int) -> int:
        """How much can be paid or delivered that is not held: the lots are tried one after the other, downwards."""
        terms = self.instruments[taker.instrument]
        if self.accounts[taker.account].house:
            return size
        if taker.kind == k.OrderKind.CASH_SELL:
            while size and self.base(taker.instrument, size) > self.free(taker.account, terms.base):
                size -= terms.lot
        elif taker.kind == k.OrderKind.MARKET and taker.buys:
            while size and self.price_of(taker, maker, size) > self.free(taker.account, terms.quote):
                size -= terms.lot
        return size

    def price_of(self, taker: Order, maker: Order, size: int) -> int:
        """What a taker pays, its fee included."""
        value = self.cost(taker.instrument, maker.price, size)
        return value + max(0, self.fee(taker, False, value))

    def trade(self, taker: Order, maker: Order, size: int) -> None:
        terms, price = self.instruments[taker.instrument], maker.price
        value, amount = self.cost(taker.instrument, price, size), self.base(taker.instrument, size)
        buyer, seller = (taker, maker) if taker.buys else (maker, taker)
        self.trades += 1
        fees = {}
        for order in (taker, maker):
            fees[order.id] = fee = self.fee(order, order is maker, value)
            order.left -= 0 if order.by_amount else size
            order.filled += size
            order.value += value
            order.fees += fee
            self.move(order.account, terms.quote, -fee)
            self.move(0, terms.quote, fee)
        taker.last_price = self.last_price[taker.instrument] = price
        self.move(buyer.account, terms.quote, -value)
        self.move(seller.account, terms.quote, value)
        self.move(buyer.account, terms.base, amount)
        self.move(seller.account, terms.base, -amount)
        if not maker.left:
            self.orders.remove(maker)
            maker.rank = 0
        ids = (taker.id, maker.id, taker.left, maker.left, self.level(maker))
        self.public.append(e.Trade(taker.instrument, self.trades, price, size, taker.side, taker.kind, *ids))
        for order in (taker, maker):
            fill = (order.id, order.instrument, self.trades, order.side, price, size, value, fees[order.id])
            self.own(order.account, e.OwnFill(*fill, order is maker, order.left))
            self.update(order)

    def decrement(self, taker: Order, maker: Order, size: int) -> bool:
        """Whether the taker wants no more after it."""
        buyer, seller = (taker, maker) if taker.buys else (maker, taker)
        what = (taker.instrument, buyer.id, seller.id, maker.price, size, taker.side)
        for account in dict.fromkeys((taker.account, maker.account)):
            self.own(account, e.OwnSelfTrade(*what, buyer.account, seller.account))
        maker.left -= size
        if maker.left:
            where = (maker.instrument, maker.id, maker.side, maker.price)
            self.public.append(e.OrderReduced(*where, maker.left, self.level(maker)))
            self.update(maker)
        else:
            self.end(maker, k.CloseReason.SELF_TRADE)
        if taker.by_amount:
            taker.offset += self.cost(taker.instrument, maker.price, size)
            enough = maker.left > 0 or taker.budget <= 0
        else:
            taker.left -= size
            enough = not taker.left
        if not enough:
            self.update(taker)
        return enough

    def cancel_all(self, command: c.CancelAll) -> Outcome:
        self.account(command.account)
        if command.instrument != -1:
            self.instrument(command.instrument)
            self.may_cancel(command.instrument)
        for order in sorted([*self.orders, *self.waiting], key=lambda o: o.entry):
            if order.account != command.account or self.status[order.instrument] == "halted":
                continue
            if command.instrument in (-1, order.instrument):
                self.end(order, k.CloseReason.USER)
        return Outcome()

    def end_gateway(self, gateway: int) -> None:
        for order in sorted([*self.orders, *self.waiting], key=lambda o: o.id):
            if order.gateway == gateway > 0:
                self.end(order, k.CloseReason.DISCONNECT)

    def replace(self, command: c.ReplaceOrder, ts: int) -> Outcome:
        old = self.own_order(command.account, command.order_id)
        price, size = command.price or old.price, command.size or old.left
        terms: dict[str, Any] = {"amount": old.terms.amount, "bound": command.bound}
        if old.tif == k.TimeInForce.GTD:
            terms["expire_ts"] = old.terms.expire_ts
        if old in self.waiting:
            for name in ("trigger", "trigger_price", "activation_price", "trailing_bps"):
                terms[name] = getattr(old.terms, name)
        what = (old.instrument, old.side, old.kind, size, price, old.tif, old.post_only, old.mode)
        new = c.PlaceOrder(command.account, *what, command.client_id, command.new_order_id, **terms)
        return self.place(new, ts, old)

    def amend(self, command: c.AmendOrder) -> Outcome:
        order = self.own_order(command.account, command.order_id)
        number = order.instrument
        price, size = command.price or order.price, command.size or order.size
        self.may_enter(number, order.kind, order.post_only)
        self.need((price, size) != (order.price, order.size), k.Refusal.INVALID_TERMS)
        if price or order.limited:
            self.good_price(number, price)
        left = size - (order.size - order.left)
        if order.by_amount:
            self.need(size == 0, k.Refusal.INVALID_TERMS)
        else:
            self.good_size(number, size, order.account)
            if order.limited:
                self.good_cost(number, price, size)
            self.need(left > 0, k.Refusal.SIZE_BELOW_FILLED)
        changed = replace(order, price=price, size=size, left=left)
        if not self.accounts[order.account].house:
            code, amount = self.held_for(changed)
            free = self.free(order.account, code) + self.held_for(order)[1]
            self.need(amount <= free, k.Refusal.INSUFFICIENT_FUNDS)
        keeps = price == order.price and size < order.size
        told = e.OwnOrderAmended(order.id, price, size, left, keeps or order in self.waiting)
        self.own(order.account, told)
        if order in self.waiting:
            order.price, order.size, order.left = price, size, left
            self.update(order)
        elif keeps:
            order.size, order.left = size, left
            self.public.append(e.OrderReduced(number, order.id, order.side, price, left, self.level(order)))
            self.update(order)
        elif price == order.price:
            self.orders.remove(order)
            self.rest(changed)
        else:
            self.orders.remove(order)
            old = (number, order.id, order.side, order.price, order.left)
            self.public.append(e.OrderClosed(*old, k.CloseReason.AMENDED, self.level(order)))
            changed.rank = 0
            self.announce(changed, amended=True)
            self.arrive(changed)
        return Outcome(order_id=order.id)
