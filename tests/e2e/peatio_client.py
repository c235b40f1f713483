"""What a Peatio client of our own keeps, written from Peatio's documents. It imports nothing of polyfeed."""

from __future__ import annotations

from typing import Any


class Book:
    """A book as the documents have a client keep it: a snapshot, then increments whose numbers follow on one another.

    What the first increment says may be in the snapshot already: the engine makes one in the midst of a change.
    """

    def __init__(self) -> None:
        self.sequence = 0
        self.snapped = False
        self.sides: dict[str, dict[str, str]] = {"asks": {}, "bids": {}}

    def apply(self, stream: str, body: dict[str, Any]) -> None:
        """A message of `<market>.ob-inc` or `.ob-snap`."""
        if stream.endswith(".ob-snap"):
            self.sides = {side: dict(body[side]) for side in ("asks", "bids")}
        else:
            assert body["sequence"] == self.sequence + 1, "a gap"
            for side in self.sides.keys() & body.keys():
                price, volume = body[side]
                if volume:
                    self.sides[side][price] = volume
                elif price in self.sides[side] or not self.snapped:
                    del self.sides[side][price]
        self.snapped = stream.endswith(".ob-snap")
        self.sequence = body["sequence"]
