"""What an operator can set for the Bitstamp port."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]


class BitstampSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the dialect (spec/bitstamp.md 1 and 7 for the limits).

    `strict` refuses unknown markets. `max_message` is the largest message read, in bytes; `max_channels` the most
    channels of a connection. A connection is asked to reconnect after `max_age_days`, or when the server stops, and
    closed `reconnect_seconds` later. Tokens can be used for `token_seconds`. `public_host` is the name that clients
    may sign requests for besides the one they connect to. `order_events` is how many events of each market, and of
    each account, the order_data calls can go back.
    """

    strict: bool = False
    max_message: Positive = 512
    max_channels: Positive = 1024
    max_age_days: Seconds = 90.0
    reconnect_seconds: Seconds = 5.0
    token_seconds: Positive = 60
    public_host: str = "www.bitstamp.net"
    order_events: Positive = 1000
