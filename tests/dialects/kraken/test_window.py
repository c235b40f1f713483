"""The reader of a depth-limited book (polyfeed/sources/window.py)."""

from __future__ import annotations

from polyfeed.dialects._base.inbound import BookMessage, InboundLevel
from polyfeed.model.enums import Side
from polyfeed.model.events import BookReset, LevelSet
from polyfeed.sources.window import DepthWindow
from tests.dialects.kraken.support import instrument

XBT = instrument(3, "XBT/USD", 1, size_scale=0)


def message(*levels: tuple[str, str, str, int], reset: bool = False) -> BookMessage:
    """Levels as `side price size ts`; a side in capitals marks a republished one."""
    sides = {"b": Side.BUY, "a": Side.SELL}
    rows = [InboundLevel(sides[side.lower()], price, size, ts, side.isupper()) for side, price, size, ts in levels]
    return BookMessage("XBT/USD", 2, reset, rows)


def window_of_two() -> DepthWindow:
    window = DepthWindow(XBT, 2)
    start = message(
        ("a", "10.0", "1", 1), ("a", "11.0", "2", 2), ("b", "9.0", "3", 3), ("b", "8.0", "4", 4), reset=True
    )
    assert window.events(start) == [BookReset(3, [(90, 3, 3), (80, 4, 4)], [(100, 1, 1), (110, 2, 2)])]
    return window


def test_changes_come_as_they_are() -> None:
    window = window_of_two()
    assert window.events(message(("a", "10.0", "5", 7), ("b", "9.0", "6", 8))) == [
        LevelSet(3, Side.SELL, 100, 5, 7),
        LevelSet(3, Side.BUY, 90, 6, 8),
    ]


def test_what_is_pushed_out_goes_with_the_message() -> None:
    window = window_of_two()
    assert window.events(message(("a", "9.5", "5", 7), ("b", "9.2", "5", 8))) == [
        LevelSet(3, Side.SELL, 95, 5, 7),
        LevelSet(3, Side.BUY, 92, 5, 8),
        LevelSet(3, Side.BUY, 80, 0, 8),
        LevelSet(3, Side.SELL, 110, 0, 8),
    ]


def test_a_republished_level_comes_before_its_removal() -> None:
    window = window_of_two()
    assert window.events(
        message(("a", "10.0", "0", 7), ("A", "12.0", "9", 1), ("a", "11.0", "0", 8), ("A", "13.0", "9", 2))
    ) == [
        LevelSet(3, Side.SELL, 120, 9, 1),
        LevelSet(3, Side.SELL, 100, 0, 7),
        LevelSet(3, Side.SELL, 130, 9, 2),
        LevelSet(3, Side.SELL, 110, 0, 8),
    ]


def test_a_known_republished_level_stays_in_its_place() -> None:
    window = window_of_two()
    assert window.events(message(("a", "10.0", "0", 7), ("A", "11.0", "9", 1))) == [
        LevelSet(3, Side.SELL, 100, 0, 7),
        LevelSet(3, Side.SELL, 110, 9, 1),
    ]


def test_a_book_without_a_limit_loses_nothing() -> None:
    window = DepthWindow(XBT, 0)
    for tenths in range(100, 200):
        price = f"{tenths // 10}.{tenths % 10}"
        assert window.events(message(("a", price, "1", 7))) == [LevelSet(3, Side.SELL, tenths, 1, 7)]


def test_a_message_without_levels_is_nothing() -> None:
    assert window_of_two().events(message()) == []
