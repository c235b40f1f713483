"""The signed calls by the first words of their paths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polyfeed.dialects._base.rest import RestAnswer
from polyfeed.dialects.bitstamp.auth import Caller
from polyfeed.dialects.bitstamp.markets import Listed, Markets
from polyfeed.dialects.bitstamp.projection import BitstampProjection
from polyfeed.dialects.bitstamp.rest_account import AccountCalls
from polyfeed.dialects.bitstamp.rest_entry import INSTANT, LIMIT, MARKET
from polyfeed.dialects.bitstamp.rest_form import CallRefused, Form, answered
from polyfeed.dialects.bitstamp.rest_history import HistoryCalls
from polyfeed.dialects.bitstamp.rest_orders import OrderCalls
from polyfeed.dialects.bitstamp.rest_own import OwnCalls
from polyfeed.dialects.bitstamp.tokens import Tokens, user_of
from polyfeed.market.market import Market
from polyfeed.model.enums import Side

TRADE = "trade"
"""The permission to enter and cancel orders."""

WRITES = frozenset(("buy", "sell", "cancel_order", "cancel_all_orders", "replace_order"))
"""The calls that need it."""

_WAYS = (MARKET, INSTANT)

Rest = list[str]
"""What follows the name of a call in its path."""


class SignedCalls:
    """Answers calls whose caller is known."""

    def __init__(self, market: Market, markets: Markets, projection: BitstampProjection, tokens: Tokens) -> None:
        self._markets = markets
        self._tokens = tokens
        self._orders = OrderCalls(market, markets)
        self._account = AccountCalls(market, markets)
        self._own = OwnCalls(market, markets)
        self._history = HistoryCalls(markets, projection)
        self._now = 0
        self._submits: dict[str, Callable[[Caller, Form, Rest], RestAnswer]] = {
            "buy": self._buy,
            "sell": self._sell,
            "cancel_order": self._cancel,
            "cancel_all_orders": self._cancel_all,
            "replace_order": self._replace,
        }
        self._reads: dict[str, Callable[[Caller, Form, Rest], Any]] = {
            "websockets_token": self._token,
            "balance": self._balance,
            "account_balances": self._account_balances,
            "fees/trading": self._trading_fees,
            "fees/withdrawal": self._withdrawal_fees,
            "my_markets": self._my_markets,
            "open_orders": self._open_orders,
            "order_status": self._order_status,
            "user_transactions": self._user_transactions,
            "order_data": self._order_data,
            "account_order_data": self._account_order_data,
        }

    def split(self, words: list[str]) -> tuple[str, Rest]:
        """The name of a call and what follows it. Raises CallRefused for an unknown one."""
        for count in (1, 2):
            name = "/".join(words[:count])
            if name in self._submits or name in self._reads:
                return name, words[count:]
        raise CallRefused("404.001", "Unknown not found error.", 404)

    def answer(self, now: int, caller: Caller, form: Form, name: str, rest: Rest) -> RestAnswer:
        """The reply. Raises CallRefused."""
        self._now = now
        if name in self._submits:
            return self._submits[name](caller, form, rest)
        return answered(self._reads[name](caller, form, rest))

    # --- orders -----------------------------------------------------------------------------------------------------

    def _buy(self, caller: Caller, form: Form, rest: Rest) -> RestAnswer:
        return self._place(caller, form, rest, Side.BUY)

    def _sell(self, caller: Caller, form: Form, rest: Rest) -> RestAnswer:
        return self._place(caller, form, rest, Side.SELL)

    def _place(self, caller: Caller, form: Form, rest: Rest, side: Side) -> RestAnswer:
        way = rest[0] if len(rest) > 1 and rest[0] in _WAYS else LIMIT
        listed = self._only(rest[1:] if way != LIMIT else rest)
        if listed is None:
            raise CallRefused("404.001", "Unknown not found error.", 404)
        return self._orders.place(caller.account, form, listed, side, way)

    def _cancel(self, caller: Caller, form: Form, rest: Rest) -> RestAnswer:
        return self._orders.cancel(caller.account, form)

    def _cancel_all(self, caller: Caller, form: Form, rest: Rest) -> RestAnswer:
        return self._orders.cancel_all(caller.account, self._only(rest))

    def _replace(self, caller: Caller, form: Form, rest: Rest) -> RestAnswer:
        return self._orders.replace(caller.account, form)

    # --- reading ----------------------------------------------------------------------------------------------------

    def _token(self, caller: Caller, form: Form, rest: Rest) -> Any:
        token = self._tokens.issue(self._now, caller.account, caller.key)
        return {"token": token, "valid_sec": self._tokens.seconds, "user_id": user_of(caller.account)}

    def _balance(self, caller: Caller, form: Form, rest: Rest) -> Any:
        return self._account.balance(caller.account, self._only(rest))

    def _account_balances(self, caller: Caller, form: Form, rest: Rest) -> Any:
        return self._account.balances(caller.account, "".join(rest[:1]))

    def _trading_fees(self, caller: Caller, form: Form, rest: Rest) -> Any:
        return self._account.trading_fees(self._only(rest))

    def _withdrawal_fees(self, caller: Caller, form: Form, rest: Rest) -> Any:
        return self._account.withdrawal_fees()

    def _my_markets(self, caller: Caller, form: Form, rest: Rest) -> Any:
        return self._account.my_markets()

    def _open_orders(self, caller: Caller, form: Form, rest: Rest) -> Any:
        return self._own.open_orders(caller.account, None if rest == ["all"] else self._only(rest))

    def _order_status(self, caller: Caller, form: Form, rest: Rest) -> Any:
        return self._own.order_status(caller.account, form)

    def _user_transactions(self, caller: Caller, form: Form, rest: Rest) -> Any:
        return self._own.user_transactions(caller.account, form, self._only(rest))

    def _order_data(self, caller: Caller, form: Form, rest: Rest) -> Any:
        return self._history.order_data(form)

    def _account_order_data(self, caller: Caller, form: Form, rest: Rest) -> Any:
        return self._history.account_order_data(caller.account, form)

    def _only(self, rest: Rest) -> Listed | None:
        """The market at the end of a path, None where it ends before."""
        if len(rest) > 1:
            raise CallRefused("404.001", "Unknown not found error.", 404)
        return self._markets.wanted(rest[0]) if rest else None
