"""What every store of history must do; each database's tests inherit it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

import pytest

from polyfeed.dialects._base.recent import Recent
from polyfeed.model.batches import Batch
from polyfeed.model.enums import OrderKind, OrderStatus, Priced, Side
from polyfeed.model.events import Trade
from polyfeed.model.history import (
    FOREVER,
    CandlesOf,
    ClosingsOf,
    FillsOf,
    OrdersOf,
    PaymentsOf,
    Query,
    RatesOf,
    TradesOf,
)
from polyfeed.model.intervals import INTERVALS
from polyfeed.store.history import schema
from polyfeed.store.history.database import Database, DatabaseError, quoted
from polyfeed.store.history.history import History, OtherHistory, OtherVenue, rebuild, written_in
from tests.e2e.batches import perpetual_batches, spot_batches
from tests.store.history.naive import Naive, payment_place, standing
from tests.venue import flows as spot
from tests.venue.perpetuals import flows as perpetual

Open = Callable[[], Database]

EVERYBODY = (*spot.USERS, 5, 6, spot.HOUSE, -1)


def flows() -> list[list[Batch]]:
    """Batches of spot markets, and of perpetuals in bad weather."""
    return [
        list(spot_batches(spot.MIXES[0], 3, 700)),
        list(spot_batches(spot.MIXES[7], 4, 700)),
        list(perpetual_batches(perpetual.MIXES[1], 3, 700)),
    ]


def queries(random: Random, naive: Naive) -> Iterable[Query]:
    """Questions of every kind, with bounds where something is."""
    times = [row.fill.ts for row in naive.fills] or [0]
    places = [row.place for row in naive.fills] or [0]
    numbers = list(naive.ended) or [0]
    for _ in range(25):
        accounts = tuple(random.sample(EVERYBODY, random.randint(0, 4)))
        instruments = random.choice(((), (0,), (1, 2)))
        since, until = random.choice(((0, FOREVER), tuple(sorted(random.choices(times, k=2)))))
        limit = random.choice((1, 7, 100, 1000))
        common = {"accounts": accounts, "instruments": instruments, "since": since, "until": until, "limit": limit}
        yield FillsOf(
            **common,
            before=random.choice((FOREVER, *places)),
            oldest_first=random.random() < 0.5,
            offset=random.choice((0, 0, 3)),
            first_trade=random.choice((0, 0, random.choice(places) // 2)),
        )
        yield FillsOf(accounts=accounts, order_id=random.choice(numbers))
        yield FillsOf(**common, client_id=random.choice(("a", "r")), before=random.choice((FOREVER, *places)))
        yield OrdersOf(**common, before=random.choice((FOREVER, *numbers)))
        statuses = tuple(random.sample((OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED), 2))
        yield OrdersOf(**common, statuses=statuses, client_id=random.choice(("", "a", "r")))
        yield OrdersOf(accounts=accounts, order_id=random.choice(numbers))
        closed = [(row.order.updated_ts, row.order.order_id) for row in naive.closings.values()]
        yield ClosingsOf(**common, before=random.choice(((FOREVER, 0), *closed)))
        yield ClosingsOf(accounts=accounts, order_id=random.choice(numbers))
        yield PaymentsOf(**common, before=random.choice(((FOREVER, 0, 0), *map(payment_place, naive.payments))))
        instrument = random.choice((0, 1))
        yield RatesOf(instrument=instrument, since=since, until=until, limit=limit)
        after = random.choice(((-1, 0), *((row.trade.ts, row.nth) for row in naive.trades.get(instrument, []))))
        yield TradesOf(instrument=instrument, after=after, last=random.random() < 0.5, limit=limit)
        yield CandlesOf(
            instrument=instrument,
            interval=random.choice(INTERVALS),
            priced=random.choice((Priced.TRADES, *Priced)),
            since=since,
            until=until,
            last=random.random() < 0.5,
            limit=limit,
        )


class Contract:
    """Tests of a store; `open_database` opens a connection to an empty one."""

    @pytest.mark.parametrize("number", range(3))
    def test_it_answers_what_a_list_would(self, open_database: Open, number: int) -> None:
        batches = flows()[number]
        random, naive = Random(number), Naive(batches)
        history = History(open_database())
        place = 0
        while place < len(batches):
            size = random.choice((1, 2, 10, 100))
            history.write(batches[place : place + size])
            place += size
            if random.random() < 0.2:
                history.close()
                history = History(open_database())
        assert (history.seq, history.ts) == (batches[-1].seq, batches[-1].ts)
        answered = 0
        for query in queries(random, naive):
            expected = naive.ask(query)
            assert list(history.ask(query)) == expected, query
            answered += bool(expected)
        assert answered > 60
        history.close()

    @pytest.mark.parametrize("number", (0, 2))
    def test_memory_answers_the_same_as_far_as_it_goes(self, open_database: Open, number: int) -> None:
        batches = flows()[number]
        random, naive = Random(9), Naive(batches)
        history = rebuild(open_database(), batches)
        recent = Recent(naive.market, naive.accounts)
        for query in queries(random, naive):
            if not naive.houses & set(getattr(query, "accounts", ())):
                assert list(recent.ask(query)) == list(history.ask(query)), query
        history.close()

    def test_what_is_there_already_is_passed_over(self, open_database: Open) -> None:
        batches = flows()[2]
        history = History(open_database())
        history.write(batches[:300])
        history.write(batches[200:350])
        history.write(batches[:350])
        before = self.everything(history)
        history.close()
        again = History(open_database())
        again.write(batches[:350])
        assert again.seq == 350
        assert self.everything(again) == before
        again.write(batches[350:])
        with pytest.raises(ValueError, match="batch 702 came after 700"):
            again.write([Batch(1, 702, 1 << 60)])
        again.close()
        pieces = History(open_database())
        whole = self.everything(pieces)
        pieces.close()
        straight = rebuild(open_database(), batches)
        assert self.everything(straight) | {"stamps": whole["stamps"]} == whole, "each opening has a stamp of its own"
        straight.close()

    def test_a_transaction_that_fails_leaves_nothing(self, open_database: Open) -> None:
        batches = flows()[0]
        history = History(open_database())
        history.write(batches[:100])
        before = self.everything(history)
        history._database.put = lambda table, rows, put=history._database.put: self._break(table, rows, put)  # type: ignore[method-assign, misc]
        with pytest.raises(DatabaseError):
            history.write(batches[100:200])
        history._database.roll_back()
        history.close()
        again = History(open_database())
        assert again.seq == 100
        assert self.everything(again) == before
        again.write(batches[100:])
        naive = Naive(batches)
        for query in queries(Random(1), naive):
            assert list(again.ask(query)) == naive.ask(query), query
        again.close()

    def _break(self, table: schema.Table, rows: object, put: Callable[..., None]) -> None:
        if table is schema.PROGRESS:
            raise DatabaseError("the last write of the transaction")
        put(table, rows)

    def test_another_history_is_refused(self, open_database: Open) -> None:
        history = rebuild(open_database(), flows()[0][:10])
        with pytest.raises(OtherHistory, match="epoch 1, not 2"):
            history.write([Batch(2, 11, 1 << 60)])
        history._database.roll_back()
        history._database.put(schema.PROGRESS, [(0, schema.FORMAT + 1, 1, 10, 10, "")])
        history._database.commit()
        history.close()
        database = open_database()
        with pytest.raises(OtherHistory, match=f"has form {schema.FORMAT + 1}"):
            History(database)
        assert rebuild(database, ()).seq == 0
        database.close()

    def test_another_venue_s_is_left_alone(self, open_database: Open) -> None:
        batches = flows()[0]
        mine = rebuild(open_database(), batches[:50], "aa")
        before = self.everything(mine)
        mine.close()
        database = open_database()
        with pytest.raises(OtherVenue, match="history of venue aa, and this is bb"):
            History(database, "bb")
        database.close()
        assert (written_in(open_database, "aa"), written_in(open_database, "bb")) == (50, 0)
        again = History(open_database(), "aa")
        assert self.everything(again) == before
        again.close()

    def test_what_is_written_anew_puts_aside_what_was(self, open_database: Open) -> None:
        batches = flows()[0]
        rebuild(open_database(), batches[:300]).close()
        rebuild(open_database(), batches[:200]).close()
        history = rebuild(open_database(), batches)
        names = history._database.tables()
        for number, count in ((1, 300), (2, 200)):
            (row,) = history._database.query(f'SELECT "seq" FROM "aside{number}_progress"')
            assert row[0] == count
        assert {f"aside{number}_{table.name}" for number in (1, 2) for table in schema.TABLES} <= names
        naive = Naive(batches)
        for query in queries(Random(3), naive):
            assert list(history.ask(query)) == naive.ask(query), query
        history.close()

    @pytest.mark.parametrize("number", range(3))
    def test_it_goes_back_to_where_it_stood(self, open_database: Open, number: int) -> None:
        batches = flows()[number]
        for common in (1, 250, 500):
            history = rebuild(open_database(), batches[:common])
            there = self.everything(history)
            history.write(batches[common:])
            history.go_back(standing(batches[:common]))
            back = self.everything(history)
            for table in schema.TABLES:
                if table not in (schema.CURRENCIES, schema.INSTRUMENTS, schema.ACCOUNTS, schema.STAMPS):
                    assert back[table.name] == there[table.name], table.name
            history.write(batches[common:])
            naive = Naive(batches)
            for query in queries(Random(number), naive):
                assert list(history.ask(query)) == naive.ask(query), query
            history.close()

    def test_numbers_that_no_row_has_find_none(self, open_database: Open) -> None:
        history = rebuild(open_database(), flows()[0])
        everybody = tuple(one for one in EVERYBODY if one > 0)
        every = list(history.ask(FillsOf(accounts=everybody)))
        for wide in (1 << 63, 1 << 64, 10**30):
            assert list(history.ask(FillsOf(accounts=everybody, before=wide))) == every != []
            assert list(history.ask(FillsOf(accounts=everybody, since=-wide, until=wide))) == every
            assert history.ask(FillsOf(accounts=everybody, order_id=wide)) == []
            assert history.ask(FillsOf(accounts=everybody, first_trade=wide)) == []
            assert history.ask(OrdersOf(accounts=(wide,), order_id=wide)) == []
            assert history.ask(TradesOf(instrument=0, after=(wide, 0))) == []
        for text in ("\ud800", "\0"):
            assert history.ask(OrdersOf(accounts=everybody, client_id=text)) == []
        history.close()

    def test_sums_wider_than_64_bits_are_kept_exactly(self, open_database: Open) -> None:
        big = 2**62 - 1
        batches = [
            Batch(1, seq, seq, public=[Trade(0, seq, big, big, Side.BUY, OrderKind.LIMIT)]) for seq in range(1, 6)
        ]
        history = rebuild(open_database(), batches)
        (candle,) = history.ask(CandlesOf(instrument=0, interval=60))
        assert (candle.volume, candle.value, candle.count) == (5 * big, 5 * big * big, 5)
        history.close()

    def everything(self, history: History) -> dict[str, list[tuple[object, ...]]]:
        """Every row of every table."""
        found = {}
        for table in schema.TABLES:
            columns = ", ".join(map(quoted, table.names))
            rows = history._database.query(f"SELECT {columns} FROM {quoted(table.name)}")
            found[table.name] = sorted(map(tuple, rows))
        history._database.commit()
        return found
