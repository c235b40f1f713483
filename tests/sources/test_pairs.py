"""The table of pairs, the instruments made of it, and the captures it must fit."""

from __future__ import annotations

from decimal import Decimal

import pytest

from polyfeed.dialects.kraken.inbound import KrakenInbound
from polyfeed.model.commands import DefineCurrency, Deposit, ListInstrument, OpenAccount
from polyfeed.model.formulas import cost_divisor
from polyfeed.model.instruments import Instrument
from polyfeed.sources.captures import shipped_captures
from polyfeed.sources.demo import USERS, demo_commands
from polyfeed.sources.pairs import CURRENCY_SCALE, Pair, instruments_of, read_pairs, reference_price
from polyfeed.sources.timeline import Timeline
from tests.sources.rig import Rig

PAIRS = read_pairs()
INSTRUMENTS = instruments_of(PAIRS)

# The seed document, Supported Pairs; its nine alias spellings are left out.
DOCUMENT_LIST = """
ADA/CAD ADA/ETH ADA/EUR ADA/USD ADA/XBT ATOM/CAD ATOM/ETH ATOM/EUR ATOM/USD ATOM/XBT BCH/EUR BCH/USD BCH/XBT DASH/EUR
DASH/USD DASH/XBT EOS/ETH EOS/EUR EOS/USD EOS/XBT GNO/ETH GNO/EUR GNO/USD GNO/XBT QTUM/CAD QTUM/ETH QTUM/EUR QTUM/USD
QTUM/XBT USDT/USD ETC/ETH ETC/XBT ETC/EUR ETC/USD ETH/XBT ETH/CAD ETH/EUR ETH/GBP ETH/JPY ETH/USD LTC/XBT LTC/EUR
LTC/USD MLN/ETH MLN/XBT REP/ETH REP/XBT REP/EUR REP/USD XBT/CAD XBT/EUR XBT/GBP XBT/JPY XBT/USD XDG/XBT XLM/XBT XLM/EUR
XLM/USD XMR/XBT XMR/EUR XMR/USD XRP/XBT XRP/CAD XRP/EUR XRP/JPY XRP/USD ZEC/XBT ZEC/EUR ZEC/JPY ZEC/USD XTZ/CAD XTZ/ETH
XTZ/EUR XTZ/USD XTZ/XBT
"""
DOCUMENT = DOCUMENT_LIST.split()

# What the captures' connections subscribed to.
CAPTURED_LIST = "ALGO/XBT LSK/USD USDC/GBP FIL/XBT WAVES/ETH ICX/USD AUD/USD KAVA/USD DASH/EUR XBT/USD"
CAPTURED = CAPTURED_LIST.split()


def named(wsname: str) -> Instrument:
    return next(instrument for instrument in INSTRUMENTS if instrument.symbols["kraken"] == wsname)


def test_the_documents_75_pairs_and_the_captures_10_are_there() -> None:
    assert len(DOCUMENT) == 75
    assert {pair.wsname for pair in PAIRS if pair.listed_by == "document"} == set(DOCUMENT)
    assert {pair.wsname for pair in PAIRS} == {*DOCUMENT, *CAPTURED}
    assert len(PAIRS) == 83


def test_names_and_numbers_of_btc_usd() -> None:
    assert INSTRUMENTS[0] == Instrument(
        id=0,
        name="BTC-USD",
        base="BTC",
        quote="USD",
        price_scale=5,
        size_scale=8,
        tick=10_000,
        lot=1,
        min_size=20_000,
        maker_fee_ppm=1600,
        taker_fee_ppm=2600,
        symbols={
            "kraken": "XBT/USD",
            "bitstamp": "btcusd",
            "peatio": "btcusd",
            "rails": "BTC-USD",
            "ekiden": "BTC-USD",
        },
    )
    assert (PAIRS[0].rest_name, PAIRS[0].altname) == ("XXBTZUSD", "XBTUSD")


def test_kraken_keeps_its_own_codes() -> None:
    doge = named("XDG/XBT")
    assert doge.name == "DOGE-BTC"
    assert doge.symbols["bitstamp"] == "dogebtc"


@pytest.mark.parametrize("dialect", ["kraken", "bitstamp", "peatio", "rails", "ekiden"])
def test_no_symbol_stands_for_two(dialect: str) -> None:
    symbols = [instrument.symbols[dialect] for instrument in INSTRUMENTS]
    assert len(set(symbols)) == len(symbols)


# spec/kraken.md 3.5
@pytest.mark.parametrize(
    ("wsname", "decimals"),
    [("XBT/EUR", 5), ("LTC/USD", 5), ("ADA/CAD", 6), ("BCH/USD", 6), ("XMR/XBT", 8), ("XTZ/XBT", 8), ("ADA/XBT", 9)],
)
def test_prices_have_the_decimals_seen_on_the_wire(wsname: str, decimals: int) -> None:
    assert named(wsname).price_scale == decimals


@pytest.mark.parametrize(
    ("pair", "instrument"), list(zip(PAIRS, INSTRUMENTS, strict=True)), ids=[p.wsname for p in PAIRS]
)
def test_every_pair_can_be_listed_and_has_a_price_on_its_grid(pair: Pair, instrument: Instrument) -> None:
    assert reference_price(pair) % instrument.tick == 0
    assert reference_price(pair) >= 100 * instrument.tick
    assert instrument.price_decimals == pair.pair_decimals
    assert cost_divisor(instrument, CURRENCY_SCALE) >= 1


def test_every_price_of_the_captures_is_on_the_grid() -> None:
    prices = small = 0
    for moment in Timeline(shipped_captures(), KrakenInbound):
        message = moment.message
        instrument = named(message.symbol)
        tick = Decimal(instrument.tick).scaleb(-instrument.price_scale)
        for row in getattr(message, "levels", None) or getattr(message, "trades", []):
            assert Decimal(row.price) % tick == 0
            assert len(row.price.split(".")[1]) == instrument.price_scale
            prices += 1
            small += 0 < Decimal(row.size) < Decimal(instrument.min_size).scaleb(-instrument.size_scale)
    assert prices == 23_794
    assert small == 58


def test_the_demo_venue_takes_all_its_commands() -> None:
    commands = demo_commands()
    kinds = [type(command) for command in commands]
    assert kinds.count(ListInstrument) == 83 + 3  # three perpetuals
    assert kinds.count(OpenAccount) == 5 + 2  # those that are liquidated now and then
    assert kinds.count(Deposit) == 2 * kinds.count(DefineCurrency) + 1  # the insurance fund's
    assert all(command.amount < 2**60 for command in commands if isinstance(command, Deposit))
    assert sorted(USERS.values()) == ["alice", "bob"]
    assert Rig().refused == []
