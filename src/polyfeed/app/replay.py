"""Batches made again from a journal, for history that is behind it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from polyfeed.accounts.accounts import Accounts
from polyfeed.app.images import images_in
from polyfeed.app.recovery import EngineChanged, check_start
from polyfeed.app.replica import Image
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.enums import Priced
from polyfeed.model.intervals import INTERVALS
from polyfeed.sequencer.history import History
from polyfeed.store.history.standing import Standing
from polyfeed.store.segments import paths_in, segments_from
from polyfeed.venue.venue import Venue
from polyfeed.venue.version import ENGINE

log = logging.getLogger("polyfeed.history")


def replay(journal: Path, first: int, until: int) -> Iterator[Batch]:
    """The batches from one number to another, both included, made again from a journal.

    What was dropped behind a snapshot, or cannot be replayed because it is damaged or another engine decided it, is
    left out: the batches go on behind the next good snapshot. Raises ValueError and OSError when there is none.
    """
    done = first - 1
    image = _start(journal, first)
    while True:
        try:
            for batch in _from(journal, image, until):
                if batch.seq > done:
                    yield batch
                    done = batch.seq
            return
        except ValueError as error:
            tried = max(done, image.mark.seq if image else 0)
            later = [one for one in images_in(journal) if tried < one.mark.seq <= until]
            if not later:
                raise
            image = later[-1]
            log.warning("history leaves out what cannot be replayed: %s", error)


def standing_at(journal: Path, seq: int) -> Standing:
    """How things stood after a batch. Raises ValueError and OSError when that cannot be replayed."""
    image = _start(journal, seq + 1)
    accounts = Accounts.restore(image.accounts) if image else Accounts()
    market = Market.restore(image.market) if image else Market()
    ts = image.mark.ts if image else 0
    for batch in _from(journal, image, seq):
        if batch.seq > seq:
            break
        list(market.apply(batch))
        accounts.apply(batch)
        ts = batch.ts
    return Standing(
        seq,
        ts,
        tuple((one.account_id, order) for one in accounts.all() if not one.house for order in one.orders.values()),
        {
            (state.instrument.id, priced, interval): candle
            for state in market.instruments
            for priced in Priced
            if (candles := state.candles_of(priced)) is not None
            for interval in INTERVALS
            if (candle := candles.current(interval)) is not None
        },
    )


def _start(journal: Path, first: int) -> Image | None:
    """The newest image that leads to a batch, None for the beginning; the oldest there is where none does."""
    found = next(images_in(journal, first), None)
    if found is None and not any(int(path.stem) == 1 for path in paths_in(journal)):
        found = next(images_in(journal, oldest=True), None)
    return found


def _from(journal: Path, image: Image | None, until: int) -> Iterator[Batch]:
    """The batches behind an image, those of one record at least, up to a number or a few more.

    Raises Damaged, EngineChanged, OSError.
    """
    history = History(Venue.restore(image.venue), image.mark, hashed=True) if image else History(Venue(), hashed=True)
    for segment in segments_from(journal, history.mark()):
        check_start(segment, history.mark())
        history.turn()
        for record in segment.records():
            if segment.header.engine != ENGINE:
                raise EngineChanged(segment.path, segment.header.engine)
            yield from history.carry_out(record)
            if history.seq >= until:
                return
