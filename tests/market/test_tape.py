"""The last trades."""

from polyfeed.market.tape import Tape
from polyfeed.model.enums import OrderKind, Side
from polyfeed.model.trades import TapeEntry


def entry(number: int) -> TapeEntry:
    return TapeEntry(number, 100, 1, number, Side.BUY, OrderKind.LIMIT, 0, 0)


def test_the_recent_trades_come_oldest_first() -> None:
    tape = Tape()
    for number in range(5):
        tape.append(entry(number))
    assert tape.recent(3) == [entry(2), entry(3), entry(4)]
    assert tape.recent(99) == [entry(number) for number in range(5)]
    assert tape.recent(0) == tape.recent(-1) == []


def test_a_thousand_are_kept() -> None:
    tape = Tape()
    for number in range(1500):
        tape.append(entry(number))
    assert len(tape) == 1000
    assert [kept.trade_id for kept in tape.recent(2000)] == list(range(500, 1500))
