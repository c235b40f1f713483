"""What happens in Bitstamp's transcripts, besides the words of all dialects: a real venue, users, keys and tokens.

    ! list SYMBOL base B quote Q [price P] [size S] [tick T] [money DECIMALS] [perp] [levels]
    ! perpetual SYMBOL [NAME=VALUE ...]        one that the venue decides, in whole numbers: terms of the tests of
                                               tests/venue/perpetuals, with some changed
    ! account NUMBER NAME [parent NUMBER] [money AMOUNT]   with a key called and kept like him, and that money of every
                                               currency, much unless told otherwise
    ! key NUMBER NAME [permissions A,B]        another key
    ! revoke NUMBER NAME
    ! place NUMBER SYMBOL buy|sell SIZE @ PRICE [post_only] [ioc] [fok] [client ID] [decrement]
    ! place NUMBER SYMBOL buy|sell SIZE market
    ! order NUMBER SYMBOL buy|sell KIND NAME=VALUE ...     any terms of PlaceOrder; sizes and prices with decimals
    ! cancel NUMBER ORDER       orders are named by their place: 1 is the first that was entered
    ! replace NUMBER ORDER SIZE @ PRICE [client ID]
    ! announce KIND BODY
    ! moves SYMBOL PRICE        the index of a perpetual that the venue decides
    ! leverage NUMBER SYMBOL LEVERAGE CROSS|ISOLATED
    ! fund AMOUNT               into the insurance fund
    ! mark SYMBOL PRICE, index SYMBOL PRICE, funding SYMBOL PPM at SECONDS     made by hand
    ! settle NUMBER | premium NUMBER | alert NUMBER KIND | fill NUMBER ...  private events made by hand
    ! drain

`$TOKEN(NAME)` in what a client sends is a token of that key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from polyfeed.dialects.bitstamp import BitstampDialect, BitstampSettings
from polyfeed.market.market import Market
from polyfeed.model.commands import (
    CancelOrder,
    DefineCurrency,
    Deposit,
    ListInstrument,
    OpenAccount,
    PlaceOrder,
    ReplaceOrder,
    RevokeKey,
    SetIndexPrice,
    SetLeverage,
)
from polyfeed.model.enums import (
    Detail,
    ExecutionKind,
    InstrumentKind,
    MarginAlertKind,
    MarginMode,
    OrderKind,
    SelfTrade,
    Side,
    TimeInForce,
    Trigger,
)
from polyfeed.model.events import (
    AnnouncementMade,
    FundingRateSet,
    IndexPriceSet,
    InstrumentListed,
    InsurancePremiumPaid,
    MarginAlert,
    MarkPriceSet,
    OwnFill,
    PositionSettled,
    PrivateEvent,
    PublicEvent,
)
from polyfeed.model.ids import INSURANCE_FUND
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.model.numbers import parse_scaled
from polyfeed.model.perpetuals import PerpetualTerms
from tests.dialects.bitstamp.desk import VenueDesk, instrument, key_of
from tests.dialects.bitstamp.signing import token
from tests.transcripts import Line, Stage
from tests.venue.perpetuals.driver import TERMS

EARLY = 1_650_000_000_000_000
"""Scenes begin in April 2022, before the captures whose times they name."""

_TOKEN = re.compile(r"\$TOKEN\(([a-z]+)\)")


def no_dialect(market: Market, settings: Mapping[str, str]) -> BitstampDialect:
    """The stage makes the dialect itself, which reads accounts too."""
    raise AssertionError


class VenueStage(Stage):
    """Settings become a desk with a venue when they are first needed."""

    _venue: VenueDesk | None = None
    _by_hand = False

    @property
    def desk(self) -> Any:
        if self._venue is None:
            self._venue = VenueDesk(msgspec.convert(self._settings, BitstampSettings, strict=False), EARLY)
        return self._venue

    def act(self, line: Line, joined: bool) -> None:
        if line.mark == ">":
            text = _TOKEN.sub(lambda match: token(self.desk, match[1]), line.text)
            line = line._replace(text=text)
        super().act(line, joined)

    # --- the venue --------------------------------------------------------------------------------------------------

    def _list(self, words: list[str]) -> None:
        symbol, flags = words[0], {word for word in words if word in ("perp", "levels")}
        rest = [word for word in words[1:] if word not in flags]
        given = dict(zip(rest[::2], rest[1::2], strict=True))
        scale = int(given.get("price", "2"))
        made = instrument(
            len(self.desk.market.instruments),
            symbol,
            given["base"],
            given["quote"],
            price_scale=scale,
            size_scale=int(given.get("size", "8")),
            tick=parse_scaled(given["tick"], scale) if "tick" in given else 1,
            kind=InstrumentKind.PERPETUAL if "perp" in flags else InstrumentKind.SPOT,
            detail=Detail.LEVELS if "levels" in flags else Detail.ORDERS,
        )
        for code, decimals in ((made.base, 8), (made.quote, int(given.get("money", "8")))):
            if code not in self.desk.market.currencies:
                self.desk.do(DefineCurrency(Currency(code, decimals)))
        self._open(made)

    def _open(self, made: Instrument) -> None:
        """Perpetuals, and whatever comes after one, are listed by hand: their scenes have no orders."""
        self._by_hand |= made.kind is InstrumentKind.PERPETUAL
        if not self._by_hand:
            self.desk.do(ListInstrument(made))
        else:
            self.desk.publish([InstrumentListed(made)])

    def _perpetual(self, words: list[str]) -> None:
        given = TERMS | {name: int(value) for name, value in (word.split("=") for word in words[1:])}
        fees = {name: given.pop(name) for name in list(given) if name in ("maker_fee_ppm", "taker_fee_ppm")}
        shape = {"price_scale": 0, "size_scale": 0, "kind": InstrumentKind.PERPETUAL}
        made = instrument(0, words[0], "BTC", "USD", perpetual=PerpetualTerms(**given), **shape, **fees)
        self.desk.do(*(DefineCurrency(Currency(code, 0)) for code in ("BTC", "USD")), ListInstrument(made))

    def _moves(self, words: list[str]) -> None:
        self.desk.do(SetIndexPrice(self._instrument(words[0]).id, int(words[1])))

    def _leverage(self, words: list[str]) -> None:
        number, symbol, leverage, mode = words
        self.desk.do(SetLeverage(int(number), self._instrument(symbol).id, int(leverage), MarginMode[mode]))

    def _fund(self, words: list[str]) -> None:
        self.desk.do(Deposit(INSURANCE_FUND, "USD", int(words[0])))

    def _account(self, words: list[str]) -> None:
        number, name = int(words[0]), words[1]
        given = dict(zip(words[2::2], map(int, words[3::2]), strict=True))
        self.desk.do(OpenAccount(number, name, parent=given.get("parent", 0)))
        self.desk.do(*(Deposit(number, code, given.get("money", 10**15)) for code in self.desk.market.currencies))
        self.desk.do(key_of(number, name))

    def _key(self, words: list[str]) -> None:
        permissions = tuple(words[3].split(",")) if "permissions" in words else ("read", "trade")
        self.desk.do(key_of(int(words[0]), words[1], permissions=permissions))

    def _revoke(self, words: list[str]) -> None:
        self.desk.do(RevokeKey(int(words[0]), words[1]))

    def _place(self, words: list[str]) -> None:
        market = self._instrument(words[1])
        side = Side.BUY if words[2] == "buy" else Side.SELL
        kind = OrderKind.MARKET if "market" in words else OrderKind.LIMIT
        tifs = {"ioc": TimeInForce.IOC, "fok": TimeInForce.FOK, "market": TimeInForce.IOC}
        order = PlaceOrder(
            int(words[0]),
            market.id,
            side,
            kind,
            parse_scaled(words[3], market.size_scale),
            parse_scaled(words[5], market.price_scale) if kind is OrderKind.LIMIT else 0,
            next((tifs[word] for word in words if word in tifs), TimeInForce.GTC),
            "post_only" in words,
            SelfTrade.DECREMENT if "decrement" in words else SelfTrade.ALLOW,
            words[words.index("client") + 1] if "client" in words else "",
        )
        self.desk.do(order)

    def _order(self, words: list[str]) -> None:
        market = self._instrument(words[1])
        side = Side.BUY if words[2] == "buy" else Side.SELL
        readers = {
            "size": lambda text: parse_scaled(text, market.size_scale),
            "amount": lambda text: parse_scaled(text, 8),
            "tif": TimeInForce.__getitem__,
            "trigger": Trigger.__getitem__,
            "expire_ts": lambda text: parse_scaled(text, 6),
            "trailing_bps": int,
            "client_id": str,
        }
        terms: dict[str, Any] = {"size": 0}
        for name, value in (word.split("=") for word in words[4:]):
            terms[name] = readers.get(name, lambda text: parse_scaled(text, market.price_scale))(value)
        self.desk.do(PlaceOrder(int(words[0]), market.id, side, OrderKind[words[3]], **terms))

    def _cancel(self, words: list[str]) -> None:
        self.desk.do(CancelOrder(int(words[0]), self._entered(words[1])))

    def _replace(self, words: list[str]) -> None:
        market = self._instrument("btcusd")
        size, price = parse_scaled(words[2], market.size_scale), parse_scaled(words[4], market.price_scale)
        name = words[6] if "client" in words else ""
        self.desk.do(ReplaceOrder(int(words[0]), self._entered(words[1]), price, size, name))

    def _entered(self, place: str) -> int:
        return int(self.desk.opened[int(place) - 1])

    # --- events made by hand ----------------------------------------------------------------------------------------

    def _announce(self, words: list[str]) -> None:
        self._publish(AnnouncementMade(1, words[0], " ".join(words[1:])))

    def _mark(self, words: list[str]) -> None:
        market = self._instrument(words[0])
        self._publish(MarkPriceSet(market.id, parse_scaled(words[1], market.price_scale)))

    def _index(self, words: list[str]) -> None:
        market = self._instrument(words[0])
        self._publish(IndexPriceSet(market.id, parse_scaled(words[1], market.price_scale)))

    def _funding(self, words: list[str]) -> None:
        market = self._instrument(words[0])
        self._publish(FundingRateSet(market.id, int(words[1]), parse_scaled(words[3], 6)))

    def _publish(self, event: PublicEvent) -> None:
        self.desk.publish([event])

    def _settle(self, words: list[str]) -> None:
        """The numbers of the newer page's example."""
        amounts = (-150_000_000, -100_000_000, -25_000_000, 0, -25_000_000, 0)
        closed = "closed" in words
        self._private(words, PositionSettled(0, 1234567890, 123123, 6_120_000, 6_100_000, *amounts, closed))

    def _premium(self, words: list[str]) -> None:
        self._private(words, InsurancePremiumPaid(123124, "USD", 50_000_000))

    def _alert(self, words: list[str]) -> None:
        kind = MarginAlertKind(int(words[1]))
        self._private(words, MarginAlert(1234567890, kind, MarginMode.ISOLATED, 1_200_000, 900_000))

    def _fill(self, words: list[str]) -> None:
        kind = ExecutionKind(int(words[1]))
        fill = OwnFill(
            1500000001, 0, 296050733, Side.BUY, 6_120_000, 10_000_000, 612_000_000_000, 0, False, 0, kind, 77
        )
        self._private(words, fill)

    def _private(self, words: list[str], event: PrivateEvent) -> None:
        self.desk.publish(private={int(words[0]): [event]})

    def _drain(self, words: list[str]) -> None:
        self.desk.drain()
