"""What faults on purpose take each dialect's messages for, and how they spoil them: literal messages of each wire."""

from __future__ import annotations

import pytest

from polyfeed.dialects._base.said import Said
from polyfeed.dialects.bitstamp.faults import HEARING as BITSTAMP
from polyfeed.dialects.ekiden.faults import HEARING as EKIDEN
from polyfeed.dialects.kraken.faults import HEARING as KRAKEN
from polyfeed.dialects.peatio.faults import HEARING as PEATIO
from polyfeed.dialects.rails.faults import HEARING as RAILS

CREATED = '{"data":{"id":1},"channel":"live_orders_btcusd","event":"order_created","event_id":"00-a","pre_event_id":"00-b","order_source":"orderbook"}'

DELTAS = [
    (
        KRAKEN,
        '[336,{"b":[["40000.00000","1.00000000","1617666423.123456"]],"c":"4294967295"},"book-10","XBT/USD"]',
        '[336,{"b":[["40000.00000","1.00000000","1617666423.123456"]],"c":"0"},"book-10","XBT/USD"]',
    ),
    (
        KRAKEN,
        '[336,{"a":[["40001.00000","1.00000000","1617666423.123456"]]},{"b":[["40000.00000","0.00000000","1617666423.123456"]],"c":"7"},"book-10","XBT/USD"]',
        '[336,{"a":[["40001.00000","1.00000000","1617666423.123456"]]},{"b":[["40000.00000","0.00000000","1617666423.123456"]],"c":"8"},"book-10","XBT/USD"]',
    ),
    (KRAKEN, '[336,{"b":[["40000.00000","1.00000000","1617666423.123456"]]},"book-10","XBT/USD"]', None),
    (BITSTAMP, CREATED, CREATED.replace('"pre_event_id":"00-b"', '"pre_event_id":"00-a"')),
    (BITSTAMP, '{"data":{"bids":[["1","2"]],"asks":[]},"channel":"diff_order_book_btcusd","event":"data"}', None),
    (PEATIO, '{"btcusd.ob-inc":{"asks":["1020.0","0.5"],"sequence":9}}', '{"btcusd.ob-inc":{"asks":["1020.0","0.5"],"sequence":10}}'),
    (PEATIO, '["btcusd.ob-inc",{"bids":["1020.0",""],"sequence":2}]', '["btcusd.ob-inc",{"bids":["1020.0",""],"sequence":3}]'),
    (PEATIO, 'btcusd.ob-inc {"bids":["1020.0",""],"sequence":2}', 'btcusd.ob-inc {"bids":["1020.0",""],"sequence":3}'),
    (RAILS, '{"resultType":"publicOrderBookDelta","market":"BTC-USD","data":{"orders":[],"statusCode":200,"ts":1}}', None),
    (
        EKIDEN,
        '{"op":"event","topic":"orderbook.10.BTC-USD","server_ts_ms":1,"type":"delta","data":{"u":4,"seq":4,"a":[],"b":[]}}',
        '{"op":"event","topic":"orderbook.10.BTC-USD","server_ts_ms":1,"type":"delta","data":{"u":4,"seq":5,"a":[],"b":[]}}',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("hearing", "text", "spoiled"), DELTAS)
def test_deltas(hearing, text: str, spoiled: str | None) -> None:
    assert hearing.said(text) is Said.DELTA
    assert hearing.spoil(text) == spoiled


@pytest.mark.parametrize(
    ("hearing", "text", "said"),
    [
        (KRAKEN, '[336,{"as":[["40000.00000","1.00000000","1617666423.123456"]],"bs":[]},"book-10","XBT/USD"]', Said.DATA),
        (KRAKEN, '[340,{"a":["5525.40000",1,"1.000"],"b":["5525.10000",1,"1.000"],"c":["5525.10000","0.00398963"]},"ticker","XBT/USD"]', Said.DATA),
        (KRAKEN, '[0,[["5541.20000","0.15850568","1534614057.321597","s","l",""]],"trade","XBT/USD"]', Said.DATA),
        (KRAKEN, '{"event":"heartbeat"}', Said.OTHER),
        (BITSTAMP, '{"data":{"id":1},"channel":"live_trades_btcusd","event":"trade"}', Said.DATA),
        (BITSTAMP, '{"data":{},"channel":"live_orders_btcusd","event":"bts:subscription_succeeded"}', Said.OTHER),
        (BITSTAMP, '{"event":"bts:request_reconnect","channel":"","data":""}', Said.OTHER),
        (PEATIO, '{"btcusd.ob-snap":{"asks":[],"bids":[],"sequence":9}}', Said.DATA),
        (PEATIO, '{"global.tickers":{}}', Said.DATA),
        (PEATIO, '{"order":{"id":1}}', Said.DATA),
        (PEATIO, '{"success":{"message":"subscribed","streams":["btcusd.ob-inc"]}}', Said.OTHER),
        (PEATIO, '{"error":"no"}', Said.OTHER),
        (PEATIO, "pong", Said.OTHER),
        (RAILS, '{"resultType":"publicOrderBook","market":"BTC-USD","data":{"orders":[]}}', Said.OTHER),
        (RAILS, '{"resultType":"publicCompletedOrdersDelta","market":"BTC-USD","data":{"orders":[]}}', Said.DATA),
        (RAILS, '{"resultType":"pong","data":{"statusCode":200}}', Said.OTHER),
        (EKIDEN, '{"op":"event","topic":"orderbook.10.BTC-USD","server_ts_ms":1,"type":"snapshot","data":{"u":4,"seq":4}}', Said.DATA),
        (EKIDEN, '{"op":"subscribed","args":["orderbook.10.BTC-USD"]}', Said.OTHER),
    ],
)  # fmt: skip
def test_everything_else(hearing, text: str, said: Said) -> None:
    assert hearing.said(text) is said
    assert hearing.spoil(text) is None
