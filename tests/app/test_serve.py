"""A server's life within this process: a start that is broken off, tasks that fail, calls whose caller is gone."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from polyfeed.app import serve
from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import Config, load
from polyfeed.app.flow import Flow, demo_flow
from polyfeed.app.server import Server
from polyfeed.dialects.registry import DIALECTS
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand, SetSystemStatus
from polyfeed.sources.source import AT_ONCE, Source


class Bomb(Source):
    """Fails at its first call after the start."""

    def __init__(self) -> None:
        self.calls = 0

    @property
    def due(self) -> int | None:
        return AT_ONCE

    def hear(self, batch: Batch) -> None:
        """Does not listen."""

    def step(self, now: int) -> list[AnyCommand]:
        self.calls += 1
        if self.calls > 200:
            raise RuntimeError("the bomb")
        return []


def config(*settings: str) -> Config:
    ports = [f"{name}.port=0" for name in (*DIALECTS, "http")]
    return load(None, {}, [*ports, "server.drain_seconds=0.5", *settings])


async def test_the_process_ends_with_an_error_when_a_task_of_it_fails(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    assert await serve.run(config(), Market(), Flow((), [Bomb()])) == 1
    assert "polyfeed is ready" in capfd.readouterr().out
    assert [record.message for record in caplog.records if record.exc_info] == ["the server cannot go on"]
    assert faults == []


async def test_a_signal_breaks_the_start_off(capfd: pytest.CaptureFixture[str]) -> None:
    market = Market()
    settings = config("flow.demo=true", "flow.capture=off")
    flow = demo_flow(settings.flow, market)
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
    assert await serve.run(settings, market, flow) == 0
    assert capfd.readouterr().out == ""
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "a second signal does not wait"


async def test_an_outcome_that_nobody_waits_for_any_more_harms_nobody() -> None:
    server = Server(config(), SteadyClock(), Market(), Flow(()))
    await server.start()
    given_up = asyncio.create_task(server.carry_out(SetSystemStatus("one")))
    await asyncio.sleep(0)
    given_up.cancel()
    assert (await server.carry_out(SetSystemStatus("two"))).accepted
    assert server.market.system_status == "two"
    await server.stop()
