"""What the venue decides about perpetuals, as plain text: commands in, events out, the numbers worked beside them.

    ! desk NAME=VALUE ...      how the market differs from that of driver.py: money, fund, fees, its terms; begins a scene
    ! COMMAND                  what leads up to it; what it brings is not listed
    > COMMAND                  and what is: all that anybody is told must stand there, the public first
    all< WORDS                 a public event
    ann< WORDS                 one of an account: ann, bob, cat, dan, house, fund, fees

A command is one of

    ann buys|sells SIZE [at PRICE] [reduce-only] [close-on-trigger] [stop PRICE]
    ann buys SIZE at PRICE from bob        a trade between the two in an empty book
    ann cancels                            all orders
    ann has leverage N [isolated]
    index PRICE
    HOURS hours pass

Nothing is said of how orders come into the book and leave it filled, nor of open interest.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from polyfeed.model.batches import Batch
from polyfeed.model.commands import Clock
from polyfeed.model.enums import MarginMode, OrderKind, Side, TimeInForce, Trigger
from polyfeed.model.perpetuals import HOUR_US
from tests.transcripts import Line, Scene, scenes
from tests.venue.driver import FEES
from tests.venue.perpetuals.driver import ANN, BOB, CAT, DAN, FUND, HOUSE, Desk, perpetual
from tests.venue.perpetuals.words import said

NAMES = {"ann": ANN, "bob": BOB, "cat": CAT, "dan": DAN, "house": HOUSE, "fund": FUND, "fees": FEES}
CALLED = {account: name for name, account in NAMES.items()}
SCENES = scenes(Path(__file__).parent / "transcripts")


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.where)
def test_transcript(scene: Scene) -> None:
    stage = Stage()
    heard: list[str] = []
    for line, following in pairwise([*scene.lines, Line(0, "", "!", "")]):
        if line.mark == "<":
            expected = f"{line.who}< {line.text}"
            found = heard.pop(0) if heard else "nothing"
            assert found == expected, f"{scene.where}, line {line.number}\nexpected {expected}\nfound    {found}"
        else:
            heard = stage.act(line.text.split(" "))
            heard = heard if line.mark == ">" else []
        if following.mark != "<":
            assert not heard, f"{scene.where}, after line {line.number}: unexpected\n" + "\n".join(heard)


class Stage:
    """The state of a scene: the desk, which checks the money after every command, and the orders by their place."""

    def __init__(self) -> None:
        self._desk: Desk | None = None
        self._orders: list[int] = []

    @property
    def desk(self) -> Desk:
        if self._desk is None:
            self._desk = perpetual()
        return self._desk

    def act(self, words: list[str]) -> list[str]:
        """Carries out a command and says what came of it."""
        if words[0] == "desk":
            self._desk = perpetual(**{name: int(value) for name, value in (word.split("=") for word in words[1:])})
            return []
        return self.tell(self.command(words))

    def command(self, words: list[str]) -> Batch:
        """Carries out a command."""
        match words:
            case ["index", price]:
                return self.desk.index(int(price))
            case [hours, "hours" | "hour", "pass" | "passes"]:
                self.desk.ts += int(hours) * HOUR_US
                return self.desk.do(Clock())
            case [name, "has", "leverage", leverage, *mode]:
                return self.desk.leverage(NAMES[name], int(leverage), MarginMode.ISOLATED if mode else MarginMode.CROSS)
            case [name, "cancels"]:
                return self.desk.cancel_all(NAMES[name])
            case [buyer, "buys", size, "at", price, "from", seller]:
                return self.desk.trade(NAMES[buyer], NAMES[seller], int(size), int(price))
            case [name, "buys" | "sells" as what, size, *terms]:
                side = Side.BUY if what == "buys" else Side.SELL
                return self.desk.place(NAMES[name], side, int(size), **order_terms(terms))
        raise AssertionError(f"not a command: {' '.join(words)}")

    def tell(self, batch: Batch) -> list[str]:
        """What a batch says, the public part first, then by account in the order of numbers."""
        told = [("all", event) for event in batch.public]
        told += [(CALLED[account], event) for account, events in sorted(batch.private.items()) for event in events]
        return [f"{who}< {text}" for who, event in told if (text := said(event, self.number)) is not None]

    def number(self, order_id: int) -> int:
        """The place of an order among those that were heard of, from 1."""
        if order_id not in self._orders:
            self._orders.append(order_id)
        return self._orders.index(order_id) + 1


def order_terms(words: list[str]) -> dict[str, Any]:
    """The terms of an order that come after its size."""
    terms: dict[str, Any] = {}
    rest = iter(words)
    for one in rest:
        if one == "at":
            terms["price"] = int(next(rest))
        elif one == "stop":
            terms |= {"trigger": Trigger.STOP_LOSS, "trigger_price": int(next(rest))}
        else:
            terms[one.replace("-", "_")] = True
    if "price" not in terms:
        terms |= {"kind": OrderKind.MARKET, "tif": TimeInForce.IOC}
    return terms
