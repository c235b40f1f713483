"""A snapshot and the increments after it, folded into one snapshot, for upstream bodies of the order book's shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal, DecimalException
from typing import Any

import msgspec

from polyfeed.dialects.peatio import spec

SIDES = ("asks", "bids")


def folded(snapshot: str, increments: Iterable[str]) -> str | None:
    """The body of the snapshot that they come to; None for bodies that are no order book.

    Prices and volumes stay the text they were; `sequence`, and whatever else stands beside the levels, is that of the
    last increment.
    """
    try:
        book = msgspec.json.decode(snapshot)
        sides = {name: dict(pairs(book.pop(name))) for name in SIDES}
        for increment in increments:
            change = msgspec.json.decode(increment)
            for name in SIDES:
                for price, volume in pairs(change.pop(name, [])):
                    sides[name].pop(price, None)
                    if not is_gone(volume):
                        sides[name][price] = volume
            book |= change
        levels = {name: _sorted(sides[name], descending=name == "bids") for name in SIDES}
        return msgspec.json.encode(levels | book).decode()
    except (msgspec.MsgspecError, ValueError, TypeError, KeyError, AttributeError, DecimalException):
        return None


def pairs(levels: Any) -> Iterator[tuple[Any, Any]]:
    """(price, volume) of `["p","v"]` or of `[["p","v"],…]`. Whoever takes them apart raises for anything else."""
    if levels and not isinstance(levels[0], list):
        levels = [levels]
    yield from levels


def is_gone(volume: Any) -> bool:
    """Whether a level of this volume is removed: "" from the engine, zero from others (sheet 3)."""
    return volume in ("", None) or Decimal(str(volume)) == 0


def _sorted(side: dict[Any, Any], *, descending: bool) -> list[list[Any]]:
    prices = sorted(side, key=lambda price: Decimal(str(price)), reverse=descending)
    return [[price, side[price]] for price in prices[: spec.FOLDED_LEVELS]]
