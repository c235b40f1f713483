"""What perpetuals come to, slow and obvious: from the formulas of docs/perpetuals.md, in exact fractions.

It hears batches and keeps nothing but what fills made of each position, what money came and went, and the premiums since
the last funding. Whatever else it says (profits, margins, prices of liquidation and bankruptcy, who pays what funding,
who is short of margin, who is deleveraged first) it works out anew each time. Nothing is taken from the venue's own
code, nor from the formulas that it uses. Which orders meet in the book is not its matter: tests/venue/naive.py has that.

Every decision must be one batch. The margin that an isolated position was given is taken as told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, trunc

from polyfeed.accounts.accounts import Accounts
from polyfeed.market.market import Market
from polyfeed.model import enums as k
from polyfeed.model import events as e
from polyfeed.model.batches import Batch
from polyfeed.model.instruments import Instrument
from polyfeed.model.perpetuals import PerpetualTerms, RiskTier

FUND, FEES = -1, 0
FINE = 65_536
OPEN_ENDED = 10**30
TAKEN_AS_TOLD = (
    k.BalanceCause.DEPOSIT,
    k.BalanceCause.WITHDRAWAL,
    k.BalanceCause.INSURANCE,
    k.BalanceCause.SOCIALISED_LOSS,
)
"""What comes into a balance or goes out of it without a fill or funding."""


@dataclass
class Holding:
    """A position: its signed size and what it was entered for."""

    size: int = 0
    basis: int = 0

    def fill(self, side: k.Side, size: int, value: int) -> tuple[int, int]:
        """Takes in a fill. Gives what it closed and the profit of that."""
        sign = 1 if side == k.Side.BUY else -1
        closed = min(size, abs(self.size)) if self.size * sign < 0 else 0
        realised = 0
        if closed:
            part = trunc(Fraction(value * closed, size))
            left = self.basis - trunc(Fraction(self.basis * closed, abs(self.size)))
            realised = -sign * part - (self.basis - left)
            self.size, self.basis = self.size + sign * closed, left
            size, value = size - closed, value - part
        if size:
            self.size, self.basis = self.size + sign * size, self.basis + sign * value
        return closed, realised


@dataclass
class Prices:
    """Index and mark of a market, its premium (in 1 / FINE of a price), and how long which premium stood."""

    index: int = 0
    mark: int = 0
    premium: int = 0
    told: int = 0
    since: int = 0
    stood: list[tuple[int, int]] | None = None

    def mean(self) -> int:
        """The mean premium since the last funding, in ppm."""
        assert self.stood is not None
        long = sum(time for _, time in self.stood)
        return trunc(Fraction(sum(ppm * time for ppm, time in self.stood), long)) if long else self.ppm()

    def ppm(self) -> int:
        return trunc(Fraction((self.mark - self.index) * 10**6, self.index))


class Auditor:
    """Hears every batch. Raises AssertionError where the venue says something else than it comes to."""

    def __init__(self) -> None:
        self.market, self.accounts = Market(), Accounts()
        self.cash: dict[int, int] = {}
        self.holdings: dict[tuple[int, int], Holding] = {}
        self.prices: dict[int, Prices] = {}
        self.checked: Counter[str] = Counter()

    def hear(self, batch: Batch) -> None:
        """Takes in a decision, and checks it."""
        assert not batch.more
        self.hear_public(batch)
        marked = any(isinstance(one, e.MarkPriceSet | e.FundingSettled) for one in batch.public)
        short, scores = (self.short_of_margin(), self.scores()) if marked else (set(), {})
        for account, events in batch.private.items():
            self.hear_account(account, events)
        self.accounts.apply(batch)
        self.check_liquidations(batch, short, scores)
        for account, events in batch.private.items():
            for event in events:
                if isinstance(event, e.PositionSet) and event.size:
                    self.check_position(account, event)
            balances = [one for one in events if isinstance(one, e.BalanceSet) and one.currency == "USD"]
            if balances:
                assert balances[-1].total == self.cash.get(account, 0)
                self.check_held(account, balances[-1])

    def count(self, what: str) -> None:
        self.checked[what] += 1

    # --- the market -------------------------------------------------------------------------------------------------

    def hear_public(self, batch: Batch) -> None:
        """Index and mark prices, funding rates: each as of its moment, with the book as it then is."""
        expected: dict[int, int] = {}
        for change in self.market.apply(batch):
            match change:
                case e.IndexPriceSet(number, price):
                    before = self.prices.setdefault(number, Prices()).mark
                    self.follow(number, price, batch.ts)
                    if self.prices[number].mark != before:
                        expected[number] = self.prices[number].mark
                case e.MarkPriceSet(number, price):
                    assert price == expected.pop(number)
                    self.count("mark")
                case e.FundingSettled(number, rate, mark):
                    assert (rate, mark) == (self.rate(number), self.prices[number].mark)
                    self.exchange(number, rate, batch)
                    prices = self.prices[number]
                    prices.stood, prices.since, prices.told = [], batch.ts, batch.ts
                case e.FundingRateSet(number, rate, due):
                    assert rate == self.rate(number)
                    interval = self.terms(number).funding_interval_us
                    assert due == (self.prices[number].since // interval + 1) * interval
                    self.count("rate")
                case _:
                    pass
        assert not expected

    def follow(self, number: int, index: int, now: int) -> None:
        """The premium goes a part of its way to what the book shows, whole after a window."""
        prices, terms, book = self.prices[number], self.terms(number), self.market.instruments[number].book
        if prices.index:
            assert prices.stood is not None
            elapsed = now - prices.told
            prices.stood.append((prices.ppm(), elapsed))
            bid, ask = book.bids.best(), book.asks.best()
            middle = (bid.price + ask.price) // 2 if bid and ask else index
            way = min(Fraction(1), Fraction(elapsed, terms.premium_window_us))
            prices.premium += floor(((middle - index) * FINE - prices.premium) * way)
        else:
            prices.stood, prices.since = [], now
        prices.index, prices.told = index, now
        most = floor(Fraction(index * terms.premium_clamp_ppm, 10**6))
        prices.mark = max(1, index + max(-most, min(most, trunc(Fraction(prices.premium, FINE)))))

    def rate(self, number: int) -> int:
        """An eighth of the premium, say, pulled to the interest within the damper, clamped."""
        terms = self.terms(number)
        share = trunc(Fraction(self.prices[number].mean(), terms.premium_intervals))
        pulled = share + max(-terms.damper_ppm, min(terms.damper_ppm, terms.interest_ppm - share))
        return max(-terms.funding_clamp_ppm, min(terms.funding_clamp_ppm, pulled))

    def exchange(self, number: int, rate: int, batch: Batch) -> None:
        """Everybody's payment, by the positions before the batch; the fund has what rounding leaves."""
        for (account, instrument), held in self.holdings.items():
            if instrument == number and held.size:
                due = floor(-held.size * self.worth(number) * rate / 10**6)
                events = batch.private.get(account, [])
                told = [one.amount for one in events if isinstance(one, e.FundingPaid) and one.instrument == number]
                assert told == ([due] if due else [])
                self.move(account, due)
                self.move(FUND, -due)
                self.count("payment")

    # --- accounts ---------------------------------------------------------------------------------------------------

    def hear_account(self, account: int, events: list[e.PrivateEvent]) -> None:
        """What happened to an account, in its order. Funding was exchanged before."""
        for event in events:
            match event:
                case e.BalanceSet() if event.currency == "USD":
                    for cause, amount in event.parts or ((event.cause, event.change),):
                        if cause in TAKEN_AS_TOLD:
                            self.move(account, amount)
                case e.OwnFill():
                    self.hear_fill(account, event)
                case _:
                    pass

    def move(self, account: int, amount: int) -> None:
        self.cash[account] = self.cash.get(account, 0) + amount

    def hear_fill(self, account: int, fill: e.OwnFill) -> None:
        """A fill moves its fee and what it realises; on a spot market what was paid."""
        number = fill.instrument
        self.move(account, -fill.fee)
        self.move(FEES, fill.fee)
        assert fill.value == floor(fill.size * self.worth(number, fill.price))
        if number not in self.prices:
            self.move(account, fill.value if fill.side == k.Side.SELL else -fill.value)
            return
        deleveraged = fill.execution == k.ExecutionKind.DELEVERAGING and not fill.maker
        if deleveraged and account != FUND and self.is_cross(account, number):
            assert fill.price == self.bankruptcy(account, number)
            self.count("price of deleveraging")
        holding = self.holdings.setdefault((account, number), Holding())
        assert (fill.closed_size, fill.realised_profit) == holding.fill(fill.side, fill.size, fill.value)
        self.move(account, fill.realised_profit)

    def check_liquidations(self, batch: Batch, short: set[int], scores: dict[tuple[int, int], int]) -> None:
        """Those are liquidated who were short of margin, and nobody else, unless the batch traded with them."""
        fills = {
            account: [one for one in events if isinstance(one, e.OwnFill)] for account, events in batch.private.items()
        }
        for account, events in batch.private.items():
            alerts = [one for one in events if isinstance(one, e.MarginAlert)]
            if any(one.kind == k.MarginAlertKind.LIQUIDATION_START for one in alerts):
                first = next(one for one in events if isinstance(one, e.MarginAlert | e.OwnFill))
                assert account in short or isinstance(first, e.OwnFill) or self.paid_besides(events)
                short.discard(account)
                self.count("liquidation")
        assert not any(not fills.get(one) and not self.paid_besides(batch.private.get(one, [])) for one in short)
        givers = {one.trade_id: account for account, own in fills.items() for one in own if not one.maker}
        queues: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for account, own in fills.items():
            if len(own) == 1 and own[0].maker and own[0].execution == k.ExecutionKind.DELEVERAGING:
                one = own[0]
                queues.setdefault((one.instrument, givers[one.trade_id]), []).append((one.trade_id, account))
        for (number, _), queue in queues.items():
            order = [account for _, account in sorted(queue)]
            assert order == sorted(order, key=lambda one: (self.is_house(one), -scores[one, number], one))
            self.count("queue of deleveraging")

    @staticmethod
    def paid_besides(events: list[e.PrivateEvent]) -> bool:
        """Whether an account bore a share of a loss, or is the fund and got fees or paid for others."""
        causes = [
            cause for one in events if isinstance(one, e.BalanceSet) for cause, _ in one.parts or ((one.cause, 0),)
        ]
        return k.BalanceCause.SOCIALISED_LOSS in causes or k.BalanceCause.INSURANCE in causes

    def check_position(self, account: int, told: e.PositionSet) -> None:
        """All that is said of a position."""
        number = told.instrument
        held = self.holdings[account, number]
        assert told.size == held.size
        assert told.entry_price == floor(
            Fraction(abs(held.basis), abs(held.size)) / self.worth(number, 1) + Fraction(1, 2)
        )
        assert told.unrealised_profit == self.profit(account, number)
        assert told.initial_margin == ceil(self.initial(account, number, self.value(account, number)))
        assert told.maintenance_margin == self.maintenance(account, number)
        if not self.is_house(account):
            assert told.bankruptcy_price == self.bankruptcy(account, number)
            assert told.liquidation_price == self.liquidation(account, number)
        self.count("position")

    def check_held(self, account: int, told: e.BalanceSet) -> None:
        """What is held for positions and orders, and how much of it for the orders."""
        if self.is_house(account):
            return
        need = orders = 0
        for number in self.prices:
            value = self.value(account, number)
            initial = ceil(self.initial(account, number, value))
            more = self.with_orders(account, number) - initial
            orders += more
            if self.is_cross(account, number):
                need += initial + more - self.profit(account, number)
            else:
                need += self.isolated(account, number) + more
        spot, need = self.spot_holds(account), max(0, need)
        held = min(spot + need, max(told.total, spot)) if need else spot
        assert (told.held, told.margin, told.order_margin) == (held, max(0, held - spot), orders)
        self.count("balance")

    # --- formulas ---------------------------------------------------------------------------------------------------

    def terms(self, number: int) -> PerpetualTerms:
        terms = self.listed(number).perpetual
        assert terms is not None
        return terms

    def listed(self, number: int) -> Instrument:
        return self.market.instruments[number].instrument

    def worth(self, number: int, price: int | None = None) -> Fraction:
        """What one unit of size is worth at a price (the mark price), in units of the quote currency."""
        one = self.listed(number)
        scale = self.market.currencies[one.quote].scale - one.price_scale - one.size_scale
        return (self.prices[number].mark if price is None else price) * Fraction(10) ** scale

    def held(self, account: int, number: int) -> Holding:
        return self.holdings.get((account, number), Holding())

    def value(self, account: int, number: int) -> int:
        return floor(abs(self.held(account, number).size) * self.worth(number))

    def profit(self, account: int, number: int) -> int:
        held = self.held(account, number)
        return floor(held.size * self.worth(number) - held.basis)

    def initial(self, account: int, number: int, value: int) -> Fraction:
        least = ceil(Fraction(10**6, self.leverage(account, number)))
        return self.by_tiers(number, Fraction(value), lambda tier: max(tier.initial_ppm, least))

    def maintenance(self, account: int, number: int) -> int:
        return ceil(self.by_tiers(number, Fraction(self.value(account, number)), lambda tier: tier.maintenance_ppm))

    def by_tiers(self, number: int, value: Fraction, rate: Callable[[RiskTier], int]) -> Fraction:
        """Each part of a value at its own tier's rate."""
        below, total = Fraction(0), Fraction(0)
        for tier in self.terms(number).tiers:
            upto = min(value, Fraction(tier.limit or OPEN_ENDED))
            total += max(Fraction(0), upto - below) * Fraction(rate(tier), 10**6)
            below = Fraction(tier.limit or OPEN_ENDED)
        return total

    def choice(self, account: int, number: int) -> e.LeverageSet | None:
        known = self.accounts.get(account)
        return None if known is None else known.leverages.get(number, known.leverages.get(-1))

    def leverage(self, account: int, number: int) -> int:
        if account == FUND:
            return self.terms(number).max_leverage
        choice = self.choice(account, number)
        return self.terms(number).default_leverage if choice is None else choice.leverage

    def is_cross(self, account: int, number: int) -> bool:
        choice = self.choice(account, number)
        return choice is None or choice.mode == k.MarginMode.CROSS

    def is_house(self, account: int) -> bool:
        known = self.accounts.get(account)
        return known is not None and known.house

    def isolated(self, account: int, number: int) -> int:
        """The margin of an isolated position, as told."""
        known = self.accounts.get(account)
        told = known.positions.get(number) if known is not None else None
        return told.margin if told is not None and not self.is_cross(account, number) else 0

    def equity(self, account: int, number: int) -> int:
        """What secures a position."""
        if not self.is_cross(account, number):
            return self.isolated(account, number) + self.profit(account, number)
        mine = [(one, self.is_cross(account, one)) for one in self.prices]
        profits = sum(self.profit(account, one) if cross else -self.isolated(account, one) for one, cross in mine)
        return self.cash.get(account, 0) - self.spot_holds(account) + profits

    def others(self, account: int, number: int) -> int:
        """The maintenance margin of the other positions that share what secures one."""
        if not self.is_cross(account, number):
            return 0
        shared = [one for one in self.prices if one != number and self.is_cross(account, one)]
        return sum(self.maintenance(account, one) for one in shared)

    def short_of_margin(self) -> set[int]:
        """The accounts that have less than the maintenance margin of what shares it."""
        return {
            account
            for account, number in self.holdings
            if not self.is_house(account)
            and self.equity(account, number) < self.maintenance(account, number) + self.others(account, number)
        }

    def bankruptcy(self, account: int, number: int) -> int:
        """Where a position takes the last of what secures it, towards the owner's side."""
        size, equity = self.held(account, number).size, self.equity(account, number)
        exact = self.prices[number].mark - equity / (size * self.worth(number, 1))
        return max(0, ceil(exact) if size > 0 else floor(exact))

    def liquidation(self, account: int, number: int) -> int:
        """The last price with the maintenance margin, found by halving."""
        size, mark, equity = self.held(account, number).size, self.prices[number].mark, self.equity(account, number)
        others = self.others(account, number)

        def secured(price: int) -> bool:
            worth = self.worth(number, price)
            needed = self.by_tiers(number, abs(size) * worth, lambda tier: tier.maintenance_ppm) + others
            return equity + size * (worth - self.worth(number, mark)) >= needed

        low, high = (-1, 2**52) if size > 0 else (0, 2**52)
        while high - low > 1:
            middle = (low + high) // 2
            if secured(middle) == (size > 0):
                high = middle
            else:
                low = middle
        return high if size > 0 else low

    def scores(self) -> dict[tuple[int, int], int]:
        """Profit by basis, times what a position is worth by what secures it; a loss divided by that. All in ppm."""
        found = {}
        for (account, number), held in self.holdings.items():
            gain = floor(Fraction(self.profit(account, number) * 10**6, max(1, abs(held.basis))))
            equity = max(1, self.equity(account, number))
            lever = max(1, floor(Fraction(self.value(account, number) * 10**6, equity)))
            found[account, number] = gain * lever if gain > 0 else floor(Fraction(gain * 10**6, lever))
        return found

    # --- orders -----------------------------------------------------------------------------------------------------

    def fees(self, account: int, number: int) -> tuple[int, int]:
        one = self.listed(number)
        return one.maker_fee_ppm, one.taker_fee_ppm

    def with_orders(self, account: int, number: int) -> int:
        """The initial margin of a position with the orders of the side on which it could become larger, what they would
        lose at once, and their fees.
        """
        held, mark, known = self.held(account, number).size, self.prices[number].mark, self.accounts.get(account)
        value, loss, fees = self.value(account, number), Fraction(0), Fraction(0)
        for sign, side in ((1, k.Side.BUY), (-1, k.Side.SELL)):
            orders = [
                (one.left, one.price or mark)
                for one in (known.orders.values() if known is not None else ())
                if (one.terms.instrument, one.terms.side) == (number, side)
                and not (one.terms.reduce_only or one.terms.close_on_trigger)
            ]
            size = sum(left for left, _ in orders)
            cost = sum((left * self.worth(number, price) for left, price in orders), Fraction(0))
            loss += sum(max(0, (price - mark) * sign) * left for left, price in orders) * self.worth(number, 1)
            fees += cost * Fraction(max(0, *self.fees(account, number)), 10**6)
            grown = size + held * sign
            if size and grown > 0:
                has = held * sign
                value = max(value, ceil(cost + has * self.worth(number) if has >= 0 else cost * grown / size))
        return ceil(self.initial(account, number, value)) + ceil(loss) + ceil(fees)

    def spot_holds(self, account: int) -> int:
        """What bids on spot markets hold: their cost and the higher fee."""
        known, total = self.accounts.get(account), 0
        for one in known.orders.values() if known is not None else ():
            number = one.terms.instrument
            if number not in self.prices and (one.terms.side, one.terms.kind) == (k.Side.BUY, k.OrderKind.LIMIT):
                value = floor(one.left * self.worth(number, one.price))
                total += value + floor(Fraction(value * max(0, *self.fees(account, number)), 10**6))
        return total
