"""Short ways to a server with some pairs and a client, for tests of the dialect."""

from __future__ import annotations

import json
from typing import Any

from polyfeed.dialects.kraken import KrakenDialect, KrakenSettings
from polyfeed.model.enums import Detail
from polyfeed.model.events import CurrencyDefined, InstrumentListed
from polyfeed.model.instruments import Currency, Instrument
from tests.desk import Client, Desk

START = 1_561_939_200_000_000  # 2019-07-01


def instrument(number: int, pair: str, price_scale: int = 5, **more: Any) -> Instrument:
    """A pair whose book comes level by level; its tick is the last decimal unless `more` says otherwise."""
    base, quote = pair.split("/")
    terms = {"tick": 1, "lot": 1, "min_size": 1, "size_scale": 8, "detail": Detail.LEVELS, "symbols": {"kraken": pair}}
    return Instrument(id=number, name=pair, base=base, quote=quote, price_scale=price_scale, **(terms | more))


def server(*pairs: str | Instrument, **settings: Any) -> Desk:
    """A desk that lists the pairs. There is no message rate unless the settings name one."""
    settings = {"message_rate": 0, **settings}
    desk = Desk(lambda market: KrakenDialect(market, KrakenSettings(**settings)), START)
    listed = [pair if isinstance(pair, Instrument) else instrument(number, pair) for number, pair in enumerate(pairs)]
    codes = dict.fromkeys(code for pair in listed for code in (pair.base, pair.quote))
    desk.publish([CurrencyDefined(Currency(code, 8)) for code in codes] + [InstrumentListed(pair) for pair in listed])
    return desk


def client_of(desk: Desk, number: int = 1) -> Client:
    """A new client, its first message taken."""
    client = desk.connect(number)
    assert isinstance(client, Client)
    client.take()
    return client


def subscribe(desk: Desk, client: Client, *pairs: str, **subscription: Any) -> list[str]:
    """Subscribes; returns everything that the client is sent."""
    request = {"event": "subscribe", "pair": list(pairs), "subscription": subscription}
    desk.receive(client, json.dumps(request))
    return client.take()
