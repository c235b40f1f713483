"""An instrument whose book comes from a recording: its timed channels are told by the recording's time."""

from __future__ import annotations

import json

from polyfeed.dialects.ekiden.projection import EkidenProjection
from polyfeed.model.commands import Clock
from polyfeed.model.enums import Detail, OrderKind, Side
from polyfeed.model.events import LevelSet, Trade

from .rig import Rig, instrument

THEN = 1_617_666_423_050_000
RECORDING = 2


def test_ticker_and_candles_follow_the_time_of_the_recording() -> None:
    rig = Rig()
    rig.list(instrument(0, "BTC-USDC", detail=Detail.LEVELS))
    client = rig.connect()
    rig.receive(client, '{"op":"subscribe","args":["ticker.BTC-USDC","kline.1m.BTC-USDC","orderbook.1.BTC-USDC"]}')
    client.take()
    rig.publish([LevelSet(0, Side.BUY, 10_000, 5)], ts=THEN, epoch=RECORDING)
    rig.publish([Trade(0, 1, 10_000, 5, Side.BUY, OrderKind.LIMIT)], ts=THEN + 10, epoch=RECORDING)
    rig.now += 500_000
    rig.command(Clock())
    (delta,) = (json.loads(text) for text in client.take())
    assert (delta["topic"], delta["server_ts_ms"]) == ("orderbook.1.BTC-USDC", THEN // 1000)
    rig.publish([], ts=THEN + 60_000, epoch=RECORDING)
    (ticker,) = (json.loads(text) for text in client.take())
    assert (ticker["topic"], ticker["server_ts_ms"]) == ("ticker.BTC-USDC", 1_617_666_423_100)
    rig.publish([], ts=THEN + 1_000_000, epoch=RECORDING)
    (candle,) = (json.loads(text) for text in client.take())
    assert (candle["topic"], candle["server_ts_ms"]) == ("kline.1m.BTC-USDC", 1_617_666_424_000)
    assert (candle["data"]["t"], candle["data"]["n"]) == ("1617666420000", "1")

    # A gateway that starts from a snapshot now knows the same time.
    again = EkidenProjection(rig.market)
    again.restore(rig.dialect.projection.snapshot())
    assert (again.of(0).now, again.of(0).epoch) == (THEN + 1_000_000, RECORDING)
