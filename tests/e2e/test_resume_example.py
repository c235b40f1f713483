"""What the example of a client that comes back says when it is called wrongly, or nobody answers it."""

from __future__ import annotations

import sys
from contextlib import aclosing

import pytest

from tests.e2e.test_resume import example


async def test_without_urls_it_says_how_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["without_gaps.py"])
    with pytest.raises(SystemExit, match=r"^usage: python without_gaps\.py URL…"):
        await example().main()


async def test_each_failure_is_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    module = example()
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            raise KeyError("enough")

    monkeypatch.setattr(module.asyncio, "sleep", wait)
    with pytest.raises(KeyError, match="enough"):
        async with aclosing(module.messages(["ws://127.0.0.1:1", "ws://127.0.0.1:2"], {})) as messages:
            await anext(messages)
    one, other = capsys.readouterr().err.splitlines()
    assert one.startswith("ws://127.0.0.1:1: ") and other.startswith("ws://127.0.0.1:2: ")
    assert one.endswith("; trying the next one")
