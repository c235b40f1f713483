"""What an operator can set for the Kraken port."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0)]


class KrakenSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the dialect (spec/kraken.md 0 for the profiles).

    `version` replaces the profile's own in systemStatus. `message_rate` counts a connection's messages per second, of
    which `burst` may come at once; a rate of 0 is none. `idle_timeout` is in seconds, 0 for never.
    """

    profile: Literal["0.2.0", "1.x"] = "0.2.0"
    version: str = ""
    checksum: bool = True
    heartbeat: Literal["always", "idle"] = "always"
    message_rate: Count = 20
    burst: Annotated[int, Meta(ge=1)] = 40
    idle_timeout: Annotated[float, Meta(ge=0)] = 60.0
    first_pair_index: Count = 1
    trade_snapshot: bool = False

    def __post_init__(self) -> None:
        if self.profile == "1.x" and not (self.checksum and self.heartbeat == "always"):
            raise ValueError("profile 1.x always sends checksums and heartbeats; use profile 0.2.0 to change either")
