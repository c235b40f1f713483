"""A gateway on the bus goes on, whatever becomes of what it hears."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from polyfeed.app.config import Config
from polyfeed.app.gateway_bus import TooFarBehind
from polyfeed.app.gateway_process import GatewayProcess
from polyfeed.bus.nats.intake import Hole
from polyfeed.model.errors import BatchOutOfOrder


class End(Exception):
    """Of the test."""


class Link:
    """What happens, word by word; `log` is what was asked for."""

    def __init__(self, *happens: object) -> None:
        self._happens = list(happens)
        self.log: list[str] = []

    async def _next(self, asked: str) -> Any:
        self.log.append(asked)
        what = self._happens.pop(0)
        if isinstance(what, Exception):
            raise what
        return what

    async def read(self) -> None:
        await self._next("read")

    async def next_image(self) -> Any:
        return await self._next("image")

    def begin(self, image: str) -> None:
        self.log.append(f"begin {image}")


@pytest.mark.parametrize(
    ("happens", "log"),
    [
        ([TooFarBehind(), "new", End()], ["read", "image", "begin new", "read"]),
        ([TooFarBehind(), OSError("away"), End()], ["read", "image", "read"]),
        ([Hole(), OSError("away"), "new", End()], ["read", "image", "image", "begin new", "read"]),
        ([BatchOutOfOrder(1, 9, 7), "new", End()], ["read", "image", "begin new", "read"]),
    ],
    ids=[
        "much was missed",
        "much was missed, and there is no image",
        "what was missed is gone",
        "what came does not follow",
    ],
)
async def test_what_is_heard_after_a_break(
    monkeypatch: pytest.MonkeyPatch, happens: list[object], log: list[str]
) -> None:
    monkeypatch.setattr("polyfeed.app.gateway_process.RETRY_SECONDS", 0.01)
    client = SimpleNamespace(new_inbox=lambda: "inbox", jetstream=lambda **_: None)
    process = GatewayProcess(Config(), cast("Any", client), lambda: 0)
    link = Link(*happens)
    cast("Any", process)._link = link
    with pytest.raises(End):
        await process._follow()
    assert link.log == log
