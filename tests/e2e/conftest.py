"""What tests of whole worlds share."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["memory", "nats"])
def either_bus(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the world's further gateways on a bus in memory, then on NATS: a client cannot tell which."""
    monkeypatch.setattr("tests.e2e.world.ON_NATS", request.param == "nats")
