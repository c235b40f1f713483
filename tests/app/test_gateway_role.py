"""A gateway that is made from what another one knew."""

from __future__ import annotations

import pytest

from polyfeed.accounts.accounts import Accounts
from polyfeed.accounts.vault import Vault
from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import load
from polyfeed.app.gateway_role import GatewayRole, Memory
from polyfeed.bus.memory import MemoryBus
from polyfeed.market.market import Market

OFF = "ekiden.enabled=false"


def role(*settings: str, projections: dict[str, bytes] | None = None) -> GatewayRole:
    memory = Memory(Market(), Accounts(), projections or {})
    return GatewayRole(
        load(None, {}, settings), 1, MemoryBus(), memory, Vault(bytes(32)), lambda *_: None, SteadyClock()
    )


async def test_a_dialect_that_nobody_has_numbered_is_not_begun_in_the_middle() -> None:
    _, _, projections = role(OFF).images()
    assert role(OFF, projections=projections).images()[2] == projections
    with pytest.raises(ValueError, match="ekiden is on here, and not at the venue"):
        role(projections=projections)
