"""The venue once more, slow and obvious: written from the rules, with nothing taken from the venue's own code.

All resting orders lie in one list. Whatever is wanted of it (a side of a book, a level's total, what an account has held)
is worked out from the whole list each time it is asked for. A fill-or-kill order is tried out on a copy of everything. A
decision is always one batch, however large.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

from polyfeed.model import commands as c
from polyfeed.model import enums as k
from polyfeed.model import events as e
from polyfeed.model.batches import Batch, Outcome
from polyfeed.model.instruments import Currency, Instrument

ENDS_REJECTED = (k.CloseReason.POST_ONLY, k.CloseReason.FOK)


class No(Exception):
    """The command is refused."""


@dataclass(eq=False)
class Order:
    """An order; `rank` says when it came to its place in the queue, 0 while it is in none."""

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
    filled: int = 0
    value: int = 0
    fees: int = 0
    rank: int = 0
    last_price: int = 0

    @property
    def buys(self) -> bool:
        return self.side == k.Side.BUY

    @property
    def is_market(self) -> bool:
        return self.kind == k.OrderKind.MARKET


class NaiveVenue:
    """Takes the same commands as the venue and gives batches that must be equal (but for the words of a refusal)."""

    def __init__(self) -> None:
        self.currencies: dict[str, Currency] = {}
        self.instruments: list[Instrument] = []
        self.status: list[k.InstrumentStatus] = []
        self.accounts: dict[int, c.OpenAccount] = {0: c.OpenAccount(0, "fees", True)}
        self.money: dict[tuple[int, str], int] = {}
        self.orders: list[Order] = []
        self.arriving: Order | None = None
        self.counter = 0
        self.highest_id = 0
        self.trades = 0
        self.last_price: dict[int, int] = {}
        self.public: list[e.PublicEvent] = []
        self.private: dict[int, list[e.PrivateEvent]] = {}

    def apply(self, stamped: c.Stamped) -> Batch:
        """One command, one batch."""
        self.public, self.private = [], {}
        before = self.statement()
        try:
            outcome = self.carry_out(stamped.command, stamped.ts)
        except No as no:
            return Batch(1, stamped.seq, stamped.ts, Outcome(k.Refusal(no.args[0])), stamped.origin)
        if not isinstance(stamped.command, c.Deposit):
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
        found = [order for order in self.orders if order.id == order_id]
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
        if order.is_market and not order.price:
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
        if self.accounts[order.account].house or (order.buys and order.is_market):
            return terms.quote, 0
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
        for order in [*self.orders, self.arriving] if self.arriving else self.orders:
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
        status = k.OrderStatus.OPEN if order.left else k.OrderStatus.FILLED
        fields = (order.left, order.filled, order.value, order.fees, order.rank > 0)
        self.own(order.account, e.OwnOrderUpdated(order.id, status, *fields))

    def end(self, order: Order, reason: k.CloseReason) -> None:
        """An order ends with what it has left, whether it is in the book or arriving."""
        level = e.UNKNOWN_LEVEL
        if order in self.orders:
            self.orders.remove(order)
            level = self.level(order)
        else:
            self.arriving = None
        self.public.append(
            e.OrderClosed(
                order.instrument, order.id, order.side, order.price, order.left, reason, level, order.last_price
            )
        )
        status = k.OrderStatus.REJECTED if reason in ENDS_REJECTED else k.OrderStatus.CANCELLED
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
        self.own(command.account, e.AccountOpened(command.name, command.house))
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

    def good_size(self, number: int, size: int) -> None:
        terms = self.instruments[number]
        self.need(size > 0 and size % terms.lot == 0, k.Refusal.INVALID_SIZE)
        self.need(size >= terms.min_size, k.Refusal.SIZE_TOO_SMALL)

    def good_cost(self, number: int, price: int, size: int) -> None:
        self.need(self.cost(number, price, size) >= self.instruments[number].min_cost, k.Refusal.COST_TOO_SMALL)

    def place(self, command: c.PlaceOrder, ts: int, old: Order | None = None) -> Outcome:
        account = self.account(command.account)
        number = command.instrument
        self.instrument(number)
        market = command.kind == k.OrderKind.MARKET
        self.may_enter(number, command.kind, command.post_only)
        self.need(command.kind <= k.OrderKind.MARKET, k.Refusal.INVALID_TERMS)
        waits = not market and command.tif == k.TimeInForce.GTC
        self.need(waits or not command.post_only, k.Refusal.INVALID_TERMS)
        if command.price or not market:
            self.good_price(number, command.price)
        self.need(command.tif <= k.TimeInForce.FOK, k.Refusal.INVALID_TERMS)
        self.good_size(number, command.size)
        if not market:
            self.good_cost(number, command.price, command.size)
        if command.order_id:
            self.need(account.house and 0 < command.order_id < 2**52, k.Refusal.INVALID_TERMS)
            self.need(all(o.id != command.order_id for o in self.orders), k.Refusal.DUPLICATE_ORDER_ID)
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
        )
        if not account.house:
            code, amount = self.held_for(order)
            freed = self.held_for(old)[1] if old else 0
            self.need(amount <= self.free(command.account, code) + freed, k.Refusal.INSUFFICIENT_FUNDS)
        if old:
            self.end(old, k.CloseReason.REPLACED)
        self.counter += 1
        from_time = (ts // 1000 - 1_288_834_974_657) * 4096
        order.id = command.order_id or max(self.highest_id + 1, from_time)
        self.highest_id = max(self.highest_id, order.id)
        terms = (order.kind, order.tif, order.post_only)
        self.public.append(e.OrderOpened(number, order.id, order.side, order.price, order.size, *terms))
        head = (order.id, number, order.side, order.kind, order.price, order.size, order.tif, order.post_only)
        told = e.OwnOrderOpened(
            *head,
            order.mode,
            command.client_id,
            replaces=old.id if old else 0,
            last_price=self.last_price.get(number, 0),
        )
        self.own(command.account, told)
        self.arrive(order)
        return Outcome(order_id=order.id)

    def arrive(self, order: Order) -> None:
        self.arriving = order
        if order.post_only and self.meets(order):
            return self.end(order, k.CloseReason.POST_ONLY)
        if order.tif == k.TimeInForce.FOK and not self.would_fill(order):
            return self.end(order, k.CloseReason.FOK)
        reason = self.match(order)
        if reason is None and order.left:
            if order.is_market:
                reason = k.CloseReason.MARKET_REST
            elif order.tif == k.TimeInForce.IOC:
                reason = k.CloseReason.IOC
            else:
                self.counter += 1
                order.rank, order.last_price = self.counter, 0
                self.orders.append(order)
                where = (order.instrument, order.id, order.side, order.price)
                self.public.append(e.OrderRested(*where, order.left, self.level(order)))
                self.update(order)
        if reason is not None:
            self.end(order, reason)
        self.arriving = None
        return None

    def would_fill(self, order: Order) -> bool:
        """Tries it out."""
        trial = copy.copy(self)
        trial.orders = [replace(o) for o in self.orders]
        trial.money, trial.last_price = dict(self.money), {}
        trial.public, trial.private = [], {}
        trial.arriving = replace(order)
        trial.match(trial.arriving)
        return trial.arriving is not None and trial.arriving.filled == order.size

    def match(self, taker: Order) -> k.CloseReason | None:
        """Trades as far as it goes. Gives why the taker must end, if it must."""
        while taker.left and (facing := self.meets(taker)):
            maker = facing[0]
            if maker.account == taker.account and taker.mode != k.SelfTrade.ALLOW:
                if taker.mode == k.SelfTrade.CANCEL_TAKER:
                    return k.CloseReason.SELF_TRADE
                if taker.mode == k.SelfTrade.DECREMENT:
                    self.decrement(taker, maker)
                    if not taker.left:
                        return k.CloseReason.SELF_TRADE
                    continue
                self.end(maker, k.CloseReason.SELF_TRADE)
                if taker.mode == k.SelfTrade.CANCEL_BOTH:
                    return k.CloseReason.SELF_TRADE
                continue
            wanted = min(taker.left, maker.left)
            size = self.payable(taker, maker, wanted)
            if size:
                self.trade(taker, maker, size)
            if size < wanted:
                return k.CloseReason.NO_FUNDS
        return None

    def payable(self, taker: Order, maker: Order, size: int) -> int:
        """How much a market buy can pay for: the lots are tried one after the other, downwards."""
        if not (taker.is_market and taker.buys) or self.accounts[taker.account].house:
            return size
        terms = self.instruments[taker.instrument]
        free = self.free(taker.account, terms.quote)
        while size > 0:
            value = self.cost(taker.instrument, maker.price, size)
            if value + max(0, self.fee(taker, False, value)) <= free:
                return size
            size -= terms.lot
        return 0

    def trade(self, taker: Order, maker: Order, size: int) -> None:
        terms, price = self.instruments[taker.instrument], maker.price
        value, amount = self.cost(taker.instrument, price, size), self.base(taker.instrument, size)
        buyer, seller = (taker, maker) if taker.buys else (maker, taker)
        self.trades += 1
        fees = {}
        for order in (taker, maker):
            fees[order.id] = fee = self.fee(order, order is maker, value)
            order.left -= size
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

    def decrement(self, taker: Order, maker: Order) -> None:
        size = min(taker.left, maker.left)
        buyer, seller = (taker, maker) if taker.buys else (maker, taker)
        what = (taker.instrument, buyer.id, seller.id, maker.price, size, taker.side)
        self.own(taker.account, e.OwnSelfTrade(*what, taker.account, taker.account))
        maker.left -= size
        if maker.left:
            where = (maker.instrument, maker.id, maker.side, maker.price)
            self.public.append(e.OrderReduced(*where, maker.left, self.level(maker)))
            self.update(maker)
        else:
            self.end(maker, k.CloseReason.SELF_TRADE)
        taker.left -= size
        if taker.left:
            self.update(taker)

    def cancel_all(self, command: c.CancelAll) -> Outcome:
        self.account(command.account)
        if command.instrument != -1:
            self.instrument(command.instrument)
            self.may_cancel(command.instrument)
        for order in sorted(self.orders, key=lambda o: o.entry):
            if order.account != command.account or self.status[order.instrument] == "halted":
                continue
            if command.instrument in (-1, order.instrument):
                self.end(order, k.CloseReason.USER)
        return Outcome()

    def replace(self, command: c.ReplaceOrder, ts: int) -> Outcome:
        old = self.own_order(command.account, command.order_id)
        price, size = command.price or old.price, command.size or old.left
        terms = (old.instrument, old.side, old.kind, size, price, old.tif, old.post_only, old.mode)
        return self.place(c.PlaceOrder(command.account, *terms, command.client_id), ts, old)

    def amend(self, command: c.AmendOrder) -> Outcome:
        order = self.own_order(command.account, command.order_id)
        number = order.instrument
        price, size = command.price or order.price, command.size or order.size
        self.may_enter(number, order.kind, order.post_only)
        self.need((price, size) != (order.price, order.size), k.Refusal.INVALID_TERMS)
        self.good_price(number, price)
        self.good_size(number, size)
        self.good_cost(number, price, size)
        left = size - (order.size - order.left)
        self.need(left > 0, k.Refusal.SIZE_BELOW_FILLED)
        changed = replace(order, price=price, size=size, left=left)
        if price == order.price and size < order.size:
            order.size, order.left = size, left
            where = (number, order.id, order.side, price)
            self.public.append(e.OrderReduced(*where, left, self.level(order)))
            self.own(order.account, e.OwnOrderAmended(order.id, price, size, left, True))
            self.update(order)
            return Outcome(order_id=order.id)
        if not self.accounts[order.account].house:
            code, amount = self.held_for(changed)
            free = self.free(order.account, code) + self.held_for(order)[1]
            self.need(amount <= free, k.Refusal.INSUFFICIENT_FUNDS)
        self.orders.remove(order)
        old = (number, order.id, order.side, order.price, order.left)
        self.public.append(e.OrderClosed(*old, k.CloseReason.AMENDED, self.level(order)))
        new = (number, order.id, order.side, price, left, order.kind, order.tif, order.post_only)
        self.public.append(e.OrderOpened(*new, amended=True))
        self.own(order.account, e.OwnOrderAmended(order.id, price, size, left, False))
        changed.rank = 0
        self.arrive(changed)
        return Outcome(order_id=order.id)
