"""Has a gateway keep what clients of our own may come back to, and agree with the others on which feeds these are."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import msgspec
from msgspec import Struct

from polyfeed.app.config import GatewaySection
from polyfeed.bus.memory import MemoryBus
from polyfeed.dialects._base.effects import FeedKey
from polyfeed.gateway.gateway import Gateway
from polyfeed.gateway.replays import Replays, ReplayTerms

log = logging.getLogger("polyfeed.gateway")

PER_WORD = 1000
"""Feeds that are named at once, so that a word fits into a message of any bus."""


class Word(Struct, frozen=True, array_like=True):
    """Feeds of a dialect that are heard somewhere by clients who may come back anywhere."""

    dialect: str
    keys: list[FeedKey]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Word)


class Returns:
    """The replays of a gateway's dialects, from now to `close`. `later` has a function called after so many seconds."""

    def __init__(
        self,
        gateway: Gateway,
        section: GatewaySection,
        history: str,
        bus: MemoryBus,
        later: Callable[[float, Callable[[], None]], object],
        now: Callable[[], int],
    ) -> None:
        self._bus = bus
        self._replays: dict[str, Replays] = {}
        terms = ReplayTerms(section.resume_seconds, section.resume_bytes, section.resume_feeds)
        for name, fan in gateway.fans.items():
            tell = partial(self._tell, name)
            fan.replays = self._replays[name] = Replays(history, terms, gateway.market, fan, tell, later, now)
        self.close = bus.subscribe_words(self._hear)

    def begin(self, history: str) -> None:
        """The state is about to be that of a history, perhaps another one."""
        for replays in self._replays.values():
            replays.history = history

    def _tell(self, dialect: str, keys: list[FeedKey]) -> None:
        for start in range(0, len(keys), PER_WORD):
            self._bus.tell(_encoder.encode(Word(dialect, keys[start : start + PER_WORD])), self._hear)

    def _hear(self, data: bytes) -> None:
        try:
            word = _decoder.decode(data)
        except msgspec.MsgspecError as error:  # a gateway of another version may say what this one does not understand
            log.warning("what another gateway said is not understood: %s", error)
            return
        replays = self._replays.get(word.dialect)
        if replays is not None:
            replays.hear(word.keys)
