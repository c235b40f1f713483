"""Nonces that were used, so that no signed call can be sent twice."""

from __future__ import annotations

LIMIT = 262_144
"""Nonces kept: 400 calls a second, the exchange's own limit, for more than ten minutes."""


class Nonces:
    """A ledger of nonces for `window` microseconds: as long as the timestamp beside one can be good.

    With LIMIT nonces in it the oldest one goes early; then calls whose timestamp is not later than that one's are
    refused, so what was forgotten cannot come again.
    """

    __slots__ = ("_floor", "_kept", "_window")

    def __init__(self, window: int) -> None:
        self._window = window
        self._kept: dict[str, tuple[int, int]] = {}
        self._floor = -1

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, now: int, nonce: str, milliseconds: int) -> bool:
        """Notes a nonce that came with this timestamp; False when it may have been used before."""
        kept = self._kept
        while kept and kept[next(iter(kept))][0] + self._window < now:
            del kept[next(iter(kept))]
        if nonce in kept or milliseconds <= self._floor:
            return False
        if len(kept) >= LIMIT:
            self._floor = max(self._floor, kept.pop(next(iter(kept)))[1])
        kept[nonce] = (now, milliseconds)
        return True
