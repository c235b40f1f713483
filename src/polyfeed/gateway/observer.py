"""Who looks on at a fan-out, without a say in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polyfeed.dialects._base.effects import FeedKey
    from polyfeed.gateway.connection import Connection


class Observer:
    """Is shown what happens; each method is for those to override who want to know of it."""

    def entered(self, connection: Connection) -> None:
        """A connection was accepted; nothing has been sent to it."""

    def said(self, key: FeedKey, texts: Sequence[str], mark: int) -> None:
        """A feed gave messages: those of a batch, or, where `mark` is not 0, those of that mark of time."""
