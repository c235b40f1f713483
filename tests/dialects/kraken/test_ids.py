"""Channel numbers against those that were seen on the real wire (spec/kraken.md 1.8)."""

from __future__ import annotations

import pytest

from polyfeed.dialects.kraken import spec
from polyfeed.dialects.kraken.ids import NumberedChannel, channel_id, numbered_channel

OLD, LATER = spec.PROFILES["0.2.0"], spec.PROFILES["1.x"]


@pytest.mark.parametrize(
    ("profile", "index", "channel", "interval", "number"),
    [
        (OLD, 1, "book", 0, 13),
        (OLD, 1, "trade", 0, 14),
        (OLD, 1, "ticker", 0, 15),
        (OLD, 13, "trade", 0, 170),
        (OLD, 36, "book", 0, 468),
        (OLD, 57, "book", 0, 741),
        (OLD, 58, "book", 0, 754),
        (OLD, 71, "book", 0, 923),
        (OLD, 63, "ohlc", 1, 823),
        (OLD, 0, "spread", 0, 3),
        (OLD, 0, "book", 0, 0),
        (LATER, 104, "book", 0, 1664),
        (LATER, 104, "trade", 0, 1665),
        (LATER, 104, "ticker", 0, 1668),
        (LATER, 21, "book", 0, 336),
        (LATER, 21, "spread", 0, 341),
        (LATER, 21, "ohlc", 1, 343),
        (LATER, 57, "ohlc", 5, 920),
        (LATER, 22, "book", 0, 352),
    ],
)
def test_numbers_that_were_seen(profile: spec.Profile, index: int, channel: str, interval: int, number: int) -> None:
    assert channel_id(profile, index, channel, interval) == number
    assert numbered_channel(profile, number) == NumberedChannel(index, channel, interval)


@pytest.mark.parametrize("profile", [OLD, LATER])
def test_every_number_stands_for_one_channel(profile: spec.Profile) -> None:
    channels = [(channel, 0) for channel in spec.CHANNELS if channel != "ohlc"]
    channels += [("ohlc", interval) for interval in spec.INTERVALS]
    numbers = {
        channel_id(profile, index, channel, interval): NumberedChannel(index, channel, interval)
        for index in range(100)
        for channel, interval in channels
    }
    assert len(numbers) == 1300
    for number in range(100 * profile.stride):
        assert numbered_channel(profile, number) == numbers.get(number)
