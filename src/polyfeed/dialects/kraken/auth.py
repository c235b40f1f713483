"""The public endpoint authenticates nobody: what is here refuses what belongs to the private one (spec/kraken.md 4.2).

The document of 0.2.0 knows nothing private, so there such a channel is an invalid name and such a request an
unsupported event. From 0.3 on the public endpoint names the private one instead.
"""

from __future__ import annotations

PRIVATE_CHANNELS = frozenset(("ownTrades", "openOrders"))

PRIVATE_FIELDS = frozenset(("name", "token", "snapshot", "ratecounter", "consolidate_taker"))
"""The fields of `subscription` that belong to a private channel."""

PRIVATE_EVENTS = frozenset(("addOrder", "editOrder", "cancelOrder", "cancelAll", "cancelAllOrdersAfter"))

WRONG_ENDPOINT = "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"

PAIR_WITH_PRIVATE = "Pair field unsupported for this subscription type"


def channel_refusal(with_pair: bool) -> str:
    """The error text for a private channel on the public endpoint."""
    return PAIR_WITH_PRIVATE if with_pair else WRONG_ENDPOINT
