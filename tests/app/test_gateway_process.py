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

    def begin(self, image: Any) -> None:
        self.log.append(f"begin {image}")

    def decided(self, image: Any) -> int:
        return int(image.decided)


class Image:
    """One of a venue that has decided some of the gateway's commands."""

    history = "h"
    decided = 7

    def memory(self, last: int) -> str:
        return f"memory of {last}"

    def __str__(self) -> str:
        return "new"


@pytest.mark.parametrize(
    ("happens", "log"),
    [
        ([TooFarBehind(), Image(), End()], ["read", "image", "resync", "begin new", "read"]),
        ([TooFarBehind(), OSError("away"), End()], ["read", "image", "read"]),
        ([Hole(), OSError("away"), Image(), End()], ["read", "image", "image", "resync", "begin new", "read"]),
        ([BatchOutOfOrder(1, 9, 7), Image(), End()], ["read", "image", "resync", "begin new", "read"]),
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

    def resync(memory: str, history: str) -> None:
        """What is heard behind an image is added to the state that this makes of it."""
        assert (memory, history) == ("memory of 7", "h")
        link.log.append("resync")

    cast("Any", process)._link = link
    cast("Any", process)._role = SimpleNamespace(resync=resync)
    with pytest.raises(End):
        await process._follow()
    assert link.log == log
