"""One resting order per price level of recorded books: what is wanted, what is known to stand, and what to ask for
next.

What stands is known from the venue's batches alone. Orders of others meet ours at any time, so an order may be smaller
than the level wants, or gone; that is made good when the level is next wanted, not before. A level has at most one
command under way; what is wanted meanwhile waits for its answer.
"""

from __future__ import annotations

from collections.abc import Iterable

from polyfeed.model.commands import AmendOrder, AnyCommand, CancelOrder, PlaceOrder
from polyfeed.model.enums import OrderKind, OrderStatus, SelfTrade, Side
from polyfeed.model.events import OwnOrderAmended, OwnOrderOpened, OwnOrderUpdated, PrivateEvent

LevelKey = tuple[Side, int]


class LevelOrder:
    """A level of an instrument. `wanted` is its recorded size; `left` and `filled` are its order's, whose id is 0 when
    there is none.

    `asked` is when the command under way was given, None when none is; `again` says that the level was wanted
    meanwhile.
    """

    __slots__ = ("again", "asked", "filled", "instrument", "left", "order_id", "price", "side", "wanted")

    def __init__(self, instrument: int, side: Side, price: int) -> None:
        self.instrument = instrument
        self.side = side
        self.price = price
        self.wanted = 0
        self.order_id = 0
        self.left = 0
        self.filled = 0
        self.asked: int | None = None
        self.again = False


class LevelOrders:
    """The levels of the books of some instruments, and the orders of `account` that stand for them."""

    def __init__(self, account: int, instruments: Iterable[int]) -> None:
        self._account = account
        self._books: dict[int, dict[LevelKey, LevelOrder]] = {instrument: {} for instrument in instruments}
        self._by_id: dict[int, LevelOrder] = {}
        self.strays: list[int] = []
        """Orders that stand for no level, because the answer came when nobody waited for it any more."""

    def want(self, instrument: int, side: Side, price: int, size: int) -> LevelOrder:
        """The level, of which this size is wanted from now on; 0 for none."""
        book = self._books[instrument]
        level = book.get((side, price))
        if level is None:
            level = book[side, price] = LevelOrder(instrument, side, price)
        level.wanted = size
        return level

    def want_none(self, instrument: int) -> None:
        """An empty book is wanted."""
        for level in self._books[instrument].values():
            level.wanted = 0

    def unlike(self, instrument: int) -> list[LevelOrder]:
        """The levels that are, or may become, other than wanted, in the order in which a book is changed safely: what
        would stand across the wanted book goes first, then all from the touch outwards.
        """
        book = self._books[instrument].values()
        bid = max((level.price for level in book if level.side == Side.BUY and level.wanted), default=0)
        ask = min((level.price for level in book if level.side == Side.SELL and level.wanted), default=0)
        middle = bid + ask if bid and ask else 2 * (bid or ask)

        def place(level: LevelOrder) -> tuple[bool, int]:
            across = level.price >= ask > 0 if level.side == Side.BUY else level.price <= bid
            return not (across and not level.wanted), abs(2 * level.price - middle)

        return sorted((level for level in book if level.left != level.wanted or level.asked is not None), key=place)

    def command(self, level: LevelOrder, now: int) -> AnyCommand | None:
        """What brings the level to what is wanted; None when it is there, or has a command under way."""
        if level.asked is not None:
            level.again = True
            return None
        if level.left == level.wanted:
            if not level.wanted:
                self._books[level.instrument].pop((level.side, level.price), None)
            return None
        level.asked = now
        if not level.order_id:
            return PlaceOrder(
                self._account,
                level.instrument,
                level.side,
                OrderKind.LIMIT,
                level.wanted,
                level.price,
                self_trade=SelfTrade.CANCEL_MAKER,
            )
        if not level.wanted:
            return CancelOrder(self._account, level.order_id)
        return AmendOrder(self._account, level.order_id, size=level.filled + level.wanted)

    def hear(self, event: PrivateEvent) -> LevelOrder | None:
        """Takes in an event of the account; returns a level that was wanted while it waited for this answer."""
        if isinstance(event, OwnOrderOpened):
            return self._opened(event)
        if isinstance(event, OwnOrderAmended):
            level = self._by_id.get(event.order_id)
            if level is None:
                return None
            level.left = event.left
            return self.answered(level)
        if isinstance(event, OwnOrderUpdated):
            return self._updated(event)
        return None

    def answered(self, level: LevelOrder) -> LevelOrder | None:
        """The level has no command under way any more; returns it if it was wanted meanwhile."""
        again, level.asked, level.again = level.again, None, False
        return level if again else None

    def _opened(self, event: OwnOrderOpened) -> LevelOrder | None:
        book = self._books.get(event.instrument)
        if book is None:
            return None
        level = book.get((event.side, event.price))
        if level is None or level.order_id:
            self.strays.append(event.order_id)
            return None
        self._by_id[event.order_id] = level
        level.order_id, level.left, level.filled = event.order_id, event.size, 0
        return self.answered(level)

    def _updated(self, event: OwnOrderUpdated) -> LevelOrder | None:
        level = self._by_id.get(event.order_id)
        if level is None:
            return None
        level.left, level.filled = event.left, event.filled
        if event.status == OrderStatus.OPEN:
            return None
        del self._by_id[event.order_id]
        level.order_id = level.left = level.filled = 0
        return self.answered(level)
