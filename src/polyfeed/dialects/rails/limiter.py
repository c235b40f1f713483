"""Counting against the limits of an account's tier (spec/rails.md 9). Times are gateway microseconds."""

from __future__ import annotations

from polyfeed.dialects.rails import spec
from polyfeed.dialects.rails.spec import Tier


class Window:
    """So many in `period`, which begins with the first one counted."""

    __slots__ = ("_began", "_count", "_period")

    def __init__(self, period: int) -> None:
        self._period = period
        self._began = 0
        self._count = 0

    def admits(self, now: int, limit: int) -> bool:
        """Counts one more, if there is room for it under `limit`; 0 is none."""
        if self._count == 0 or now >= self._began + self._period:
            self._began, self._count = now, 0
        if limit and self._count >= limit:
            return False
        self._count += 1
        return True


class Windows:
    """A window for each of many: accounts, or keys. They are known to the venue, which bounds their number."""

    def __init__(self, period: int) -> None:
        self._period = period
        self._windows: dict[object, Window] = {}

    def admits(self, now: int, who: object, limit: int) -> bool:
        """Counts one more of `who`, if there is room for it under `limit`."""
        window = self._windows.get(who)
        if window is None:
            window = self._windows[who] = Window(self._period)
        return window.admits(now, limit)


class Sockets:
    """Connections that are open, by account, kind and, where the tier says so, market."""

    def __init__(self) -> None:
        self._open: dict[tuple[int, bool, str], int] = {}

    def admits(self, account: int, tier: Tier, *, orders: bool, market: str, markets: int) -> bool:
        """Counts one more connection, if there is room for it. `markets` is how many there are, for `ALL`."""
        key = self._key(account, tier, orders, market)
        limit = tier.orders if orders else tier.others
        if tier.per_market and market == spec.ALL_MARKETS:
            limit *= markets
        count = self._open.get(key, 0)
        if limit and count >= limit:
            return False
        self._open[key] = count + 1
        return True

    def release(self, account: int, tier: Tier, *, orders: bool, market: str) -> None:
        """A connection that was admitted has ended."""
        key = self._key(account, tier, orders, market)
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]

    @staticmethod
    def _key(account: int, tier: Tier, orders: bool, market: str) -> tuple[int, bool, str]:
        return account, orders, market if tier.per_market else ""


class Limiter:
    """All of the dialect's limits. `enforced` off makes every account one of the tier `test`."""

    def __init__(self, enforced: bool) -> None:
        self._enforced = enforced
        self._actions = Windows(spec.MINUTE)
        self._new_sockets = Windows(spec.MINUTE)
        self._tokens = Windows(spec.MINUTE)
        self._calls = Windows(spec.SECOND)
        self.sockets = Sockets()

    def tier(self, name: str) -> Tier:
        """The limits of a tier by name."""
        if not self._enforced:
            return spec.TIERS[spec.TEST]
        return spec.TIERS.get(name, spec.TIERS[spec.RETAIL])

    def action(self, now: int, account: int, tier: Tier) -> bool:
        """Whether the account may create, cancel, modify, set leverage or look at an order now."""
        return self._actions.admits(now, account, tier.actions)

    def new_socket(self, now: int, account: int, tier: Tier) -> bool:
        """Whether the account may open a connection now."""
        return self._new_sockets.admits(now, account, tier.sockets)

    def token(self, now: int, key_id: str) -> bool:
        """Whether a token may be asked for with this key now."""
        return self._tokens.admits(now, key_id, spec.TOKENS_PER_MINUTE if self._enforced else 0)

    def call(self, now: int, account: int) -> bool:
        """Whether the account may make a REST call of the user-account host now."""
        return self._calls.admits(now, account, spec.REST_PER_SECOND if self._enforced else 0)
