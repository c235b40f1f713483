"""What can be set of the dialect."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from polyfeed.dialects.rails.spec import MAX_LEVERAGE

Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[float, Meta(ge=0)]


class RailsSettings(Struct, frozen=True, kw_only=True):
    """Times in seconds; README.md says more.

    `public_trade_rows`: a row of `publicTrades` for each match (`taker`), or one for each side of it (`both`).
    `max_leverage`: the highest that `updateLeverage` takes, where no market allows less.
    `close_on_expiry`: a connection ends (4401) when its token does. `max_age`: connections end (1001) after this
    time, 0 is never. `ping_interval`: silence until a control ping, 0 is never. `limits`: whether the sheet's rates
    and connection counts are enforced; off, every account is of the tier `test`.
    """

    public_trade_rows: Literal["taker", "both"] = "taker"
    max_leverage: Positive = MAX_LEVERAGE
    close_on_expiry: bool = False
    max_age: NotNegative = 0
    ping_interval: NotNegative = 30
    limits: bool = True
