"""What an operator can set for the Ekiden port."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]


class EkidenSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the dialect (spec/ekiden.md 7 and 11 for the numbers).

    `environment` is named by every token (`iss`): one of another environment is refused. `later_topics` switches
    `insurance_pool` and `adl_alert` on. `settlement` is the currency that accounts are counted in. `message_rate`
    counts a connection's messages per second, `rest_rate` an address's calls in ten seconds; 0 is no limit.
    `ping_seconds` lie between two WebSocket pings, and before a connection without an answer is closed; `auth_seconds`
    are given to log in on the private socket.
    """

    environment: str = "polyfeed"
    later_topics: bool = False
    settlement: str = "USD"
    message_rate: Count = 50
    rest_rate: Count = 100
    ping_seconds: Positive = 20.0
    auth_seconds: Positive = 10.0
