"""An upstream Peatio's messages as batches: each as it came, and beside it what it says of its market.

    upstream's exchange ─► Relay ─► batches of their own epoch ─► Peatio's streams, byte for byte (RelayedFrame)
                                                              └─► books and trades, for every other dialect

Routing keys are `type.id.event` (spec/peatio.md 5). A connection that was lost may have cost messages, and nobody can
know which. A stream of increments that goes on with the next `sequence` has lost none; any other is *interrupted* (a
frame with an empty body says so): its increments wait for the next snapshot, and until then other dialects see an empty
book.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.ids import relayed_account
from polyfeed.dialects.peatio.store import split
from polyfeed.model.batches import Batch
from polyfeed.model.events import OwnFrameRelayed, PrivateEvent, PublicEvent, RelayedFrame
from polyfeed.sources.relay_market import RelayMarket
from polyfeed.sources.relay_terms import Terms

PRIVATE, PUBLIC = "private", ("public", spec.GLOBAL)
_PARTS = 3

IDLE_US = 1_000_000
"""How often the time is told while nothing else is."""


class Relay:
    """`message` takes what came; what it gives is published, None is nothing.

    `terms` are those of configured markets by id, others are guessed; `next_id` gives the number of the next
    instrument. `two_parts` takes routing keys like `global.tickers`, which Rango does and Ruby does not. `dropped`
    counts what could not be passed on, by reason.
    """

    def __init__(
        self, epoch: int, next_id: Callable[[], int], terms: Mapping[str, Terms], *, two_parts: bool = True
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self.passed = 0
        self._epoch = epoch
        self._next_id = next_id
        self._terms = terms
        self._two_parts = two_parts
        self._markets: dict[str, RelayMarket] = {}
        self._sequences: dict[str, int | None] = {}
        self._suspect: set[str] = set()
        self._seq = 0
        self._ts = 0
        self._told = 0

    def message(self, now: int, routing_key: str, body: bytes) -> Batch | None:
        """One message of the exchange, received at `now` (microseconds)."""
        parts = routing_key.split(".")
        two = len(parts) == _PARTS - 1 and self._two_parts and parts[0] == spec.GLOBAL
        if not (two or len(parts) == _PARTS):
            self.dropped["routing key"] += 1
            return None
        try:
            value = msgspec.json.decode(body)
        except (msgspec.DecodeError, ValueError, RecursionError):
            self.dropped["not JSON"] += 1
            return None
        self.passed += 1
        if parts[0] == PRIVATE:
            return self._batch(now, [], {relayed_account(parts[1]): [OwnFrameRelayed(parts[2], body)]})
        stream = routing_key if two or parts[0] not in PUBLIC else f"{parts[1]}.{parts[2]}"
        events = self._public(now, stream, value) if parts[0] in PUBLIC else []
        return self._batch(now, [*events, RelayedFrame(stream, body)])

    def listing(self, now: int) -> Iterator[Batch]:
        """The configured markets, for before the first message; each batch is to be published before the next is asked
        for, because instruments are numbered in their order.
        """
        for market_id in self._terms:
            market = self._market(market_id)
            events = [] if market is None else market.listing()
            if events:
                yield self._batch(now, events)

    def interrupted(self, now: int) -> Batch | None:
        """The connection was lost and is back. Streams without numbers are interrupted, the others under suspicion."""
        self._suspect = {name for name, sequence in self._sequences.items() if sequence is not None}
        broken = [name for name, sequence in self._sequences.items() if sequence is None]
        events = [event for name in broken for event in self._break(name)]
        return self._batch(now, events) if events else None

    def clock(self, now: int) -> Batch | None:
        """The time, for what other dialects say at their times: at once after messages, each second without any."""
        if self._ts == self._told and now < self._ts + IDLE_US:
            return None
        batch = self._batch(now, [])
        self._told = batch.ts
        return batch

    # --- public streams ---------------------------------------------------------------------------------------------

    def _public(self, now: int, stream: str, value: Any) -> list[PublicEvent]:
        """What a message says beside itself: that its stream was interrupted, and what happened in its market."""
        events: list[PublicEvent] = []
        name, suffix = split(stream)
        if suffix:
            events += self._follow(name, suffix, value)
        market_id = stream.partition(".")[0]
        market = self._market(market_id) if market_id != spec.GLOBAL else None
        if market is not None:
            told = market.read(now, stream, value)
            if told is None:
                self.dropped["not understood"] += 1
            else:
                events += told
        return events

    def _follow(self, name: str, suffix: str, value: Any) -> list[PublicEvent]:
        """Compares a snapshot's or increment's number with what it should be, where messages may have been lost."""
        given = value.get("sequence") if isinstance(value, dict) else None
        sequence = given if type(given) is int else None
        last = self._sequences.get(name)
        self._sequences[name] = sequence
        if name not in self._suspect:
            return []
        self._suspect.discard(name)
        expected = None if last is None else last + (suffix == spec.INC)
        return [] if sequence is not None and sequence == expected else self._break(name)

    def _break(self, name: str) -> list[PublicEvent]:
        """A stream's interruption, for Peatio's clients and in the market's book."""
        events: list[PublicEvent] = [RelayedFrame(name + spec.INC, b"")]
        market_id, _, event = name.partition(".")
        market = self._markets.get(market_id)
        if market is not None and event == spec.BOOK:
            events += market.lost()
        return events

    def _market(self, market_id: str) -> RelayMarket | None:
        market = self._markets.get(market_id)
        if market is None:
            terms = self._terms.get(market_id) or Terms.guessed(market_id)
            if terms is None:
                return None
            market = self._markets[market_id] = RelayMarket(market_id, terms, self._next_id)
        return market

    def _batch(
        self, now: int, public: list[PublicEvent], private: dict[int, list[PrivateEvent]] | None = None
    ) -> Batch:
        self._seq += 1
        self._ts = max(now, self._ts + 1)
        return Batch(self._epoch, self._seq, self._ts, public=public, private=private or {})
