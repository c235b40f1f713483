"""Channel numbers: one integer per pair and channel, the same on every connection (spec/kraken.md 1.8).

The depth of a book does not change the number, each ohlc interval has its own. The numbering was decoded from recorded
ids: a stride per pair and an offset per channel, both different in the two profiles.
"""

from __future__ import annotations

from typing import NamedTuple

from polyfeed.dialects.kraken.spec import INTERVALS, OHLC, Profile


class NumberedChannel(NamedTuple):
    """What a channel number stands for. `interval` is 0 for channels without one, and for the book."""

    pair_index: int
    channel: str
    interval: int = 0


def channel_id(profile: Profile, pair_index: int, channel: str, interval: int = 0) -> int:
    """The number of a channel of the pair with this index; `interval` (minutes) counts for ohlc only."""
    place = INTERVALS.index(interval) if channel == OHLC else 0
    return profile.stride * pair_index + profile.offsets[channel] + place


def numbered_channel(profile: Profile, number: int) -> NumberedChannel | None:
    """The inverse of `channel_id`; None for a number that no channel has."""
    pair_index, offset = divmod(number, profile.stride)
    place = offset - profile.offsets[OHLC]
    if 0 <= place < len(INTERVALS):
        return NumberedChannel(pair_index, OHLC, INTERVALS[place])
    for channel, own in profile.offsets.items():
        if channel != OHLC and own == offset:
            return NumberedChannel(pair_index, channel)
    return None
