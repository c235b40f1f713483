"""Thirty minutes of a real market, order by order: the venue, told only what was wanted, does what Bitstamp did.

The capture is that of the package ob-analytics 0.1.0 (spec/bitstamp.md 9), a dependency of this test alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from polyfeed.model.batches import Batch
from polyfeed.model.commands import Proceed, Stamped
from polyfeed.model.enums import CloseReason, Side
from polyfeed.model.events import OrderClosed, Trade
from polyfeed.sources.bitstamp_sample import ACCOUNT, BTCUSD, STALE_SEEDS, sample_folder, setup
from polyfeed.sources.order_log import OrderLog, commands_of
from polyfeed.sources.orders_csv import OrderCapture, TradeRow, read_order_capture
from polyfeed.venue.venue import Venue

IGNORED_DELETES = 13
"""Deletes of orders that the capture never saw created: 12 in the hole after the first book, one 18 minutes in."""

ZERO_BIDS = 22
"""Bids of less than a dollar in the first book, which shows their price as 0. Nobody ever touched one."""

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bitstamp-orders")]


@pytest.fixture(scope="module")
def capture() -> OrderCapture:
    folder = sample_folder()
    if folder is None:
        pytest.skip("the package ob-analytics is not installed (make install does it)")
    return read_order_capture(folder, BTCUSD)


@pytest.fixture(scope="module")
def log(capture: OrderCapture) -> OrderLog:
    return commands_of(capture, ACCOUNT, BTCUSD, STALE_SEEDS)


@pytest.fixture(scope="module")
def batches(log: OrderLog) -> list[Batch]:
    return list(carry_out(log))


def carry_out(log: OrderLog) -> Iterator[Batch]:
    """What a venue makes of the commands."""
    venue = Venue()
    first = log.records[0].ts - 1_000_000
    for command in setup():
        yield venue.apply(Stamped(venue.seq + 1, max(venue.ts + 1, first), command))
    for record in log.records:
        batch = venue.apply(Stamped(venue.seq + 1, max(venue.ts + 1, record.ts), record.command))
        yield batch
        while batch.more:
            batch = venue.apply(Stamped(venue.seq + 1, venue.ts + 1, Proceed()))
            yield batch


def test_every_event_is_explained(capture: OrderCapture, log: OrderLog) -> None:
    report = log.report
    assert len(capture.seeds) == 6_512
    assert len(capture.events) == 301_027
    assert report.unexplained == []
    assert report.matches == len(capture.trades) == 284
    assert report.orders == 6_512 - 2 - 22 + 150_377
    assert report.post_only == 100_518
    assert report.ioc_unfilled == 410


def test_nothing_but_what_the_capture_lost_is_corrected(log: OrderLog) -> None:
    assert set(log.report.stale_seeds) == STALE_SEEDS
    assert len(log.report.unknown_deletes) == IGNORED_DELETES
    assert len(log.report.priceless) == ZERO_BIDS


def test_no_command_is_refused(batches: list[Batch]) -> None:
    assert [batch.outcome for batch in batches if not batch.outcome.accepted] == []


def test_all_trades_come_out_in_order(capture: OrderCapture, batches: list[Batch]) -> None:
    made = [trade_row(event) for batch in batches for event in batch.public if isinstance(event, Trade)]
    assert made == [as_made(trade) for trade in capture.trades]


def test_every_cancel_finds_what_was_left(log: OrderLog, batches: list[Batch]) -> None:
    cancelled = {
        event.order_id: event.left
        for batch in batches
        for event in batch.public
        if isinstance(event, OrderClosed) and event.reason == CloseReason.USER
    }
    assert cancelled == log.cancelled
    assert len(cancelled) == 49_106


def test_orders_that_could_not_rest_end_as_recorded(log: OrderLog, batches: list[Batch]) -> None:
    ends = [event.reason for batch in batches for event in batch.public if isinstance(event, OrderClosed)]
    assert ends.count(CloseReason.POST_ONLY) == log.report.post_only
    assert ends.count(CloseReason.IOC) == log.report.ioc
    assert ends.count(CloseReason.SELF_TRADE) == 0


Row = tuple[int, int, int, int, Side]


def trade_row(trade: Trade) -> Row:
    """Price, size, id of the buying and of the selling order, side of the taker."""
    ids = trade.taker_id, trade.maker_id
    buyer, seller = ids if trade.taker_side == Side.BUY else reversed(ids)
    return trade.price, trade.size, buyer, seller, trade.taker_side


def as_made(trade: TradeRow) -> Row:
    return trade.price, trade.size, trade.buy_order_id, trade.sell_order_id, trade.taker_side
