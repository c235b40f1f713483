"""A server's life within this process: a start that is broken off, tasks that fail, calls whose caller is gone."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
from pathlib import Path

import pytest

from polyfeed.accounts.accounts import Accounts
from polyfeed.accounts.vault import Vault
from polyfeed.app import serve
from polyfeed.app.api.credentials import caller
from polyfeed.app.api.endpoints import Problem
from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import Config, load
from polyfeed.app.demo_keys import DEMO_VAULT, demo_key_commands
from polyfeed.app.flow import Flow, demo_flow
from polyfeed.app.server import Server
from polyfeed.app.store import opened
from polyfeed.dialects.registry import DIALECTS
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand, OpenAccount, Record, SetKey, SetSystemStatus
from polyfeed.sequencer.history import History
from polyfeed.sources.source import AT_ONCE, Source
from polyfeed.venue.venue import Venue


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
    said = capfd.readouterr().out
    assert said.startswith("polyfeed is ready\n") and said.endswith("\n  Ctrl-C ends it\n")
    assert "demo" not in said
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


async def test_a_demos_journal_is_not_served_without_demo(tmp_path: Path) -> None:
    """Everybody knows the secrets of a demo's keys: they must not trade anywhere else."""
    journal = tmp_path / "journal"

    async def start(*settings: str) -> None:
        chosen = config("store.snapshots=false", f"server.state_dir={tmp_path}", *settings)
        with opened(chosen, journal, SteadyClock()) as store:
            market = store.replica.market
            flow = demo_flow(chosen.flow, market) if chosen.flow.demo else Flow(())
            server = Server(chosen, SteadyClock(), market, flow, store)
            try:
                await server.start()
                assert (
                    "user alice: key demo, secret demo, user bob: key demo2, secret demo2\n"
                    in server.directory() + "\n"
                )
            finally:
                await server.stop()

    demo = ("flow.demo=true", "flow.capture=off", "flow.agents=0")
    await start(*demo)
    before = sorted(path.name for path in journal.glob("*.journal"))
    named = "begun by a demo: everybody knows the secrets of its keys demo, demo2, bull, bear; start"
    with pytest.raises(ValueError, match=named):
        await start()
    assert sorted(path.name for path in journal.glob("*.journal")) == before
    await start(*demo)


def test_a_key_that_was_sealed_under_another_master_key_proves_nobody() -> None:
    accounts, vault = Accounts(), Vault(bytes(32))
    history = History(Venue())
    commands = [
        OpenAccount(1001, "demo"),
        *(one for one in demo_key_commands() if isinstance(one, SetKey) and one.account == 1001),
    ]
    for command in commands:
        for batch in history.carry_out(Record(1, command)):
            accounts.apply(batch)
    headers = {"authorization": "Basic " + base64.b64encode(b"demo:demo").decode()}
    assert caller(accounts, DEMO_VAULT, headers, "trade").account_id == 1001
    with pytest.raises(Problem) as caught:
        caller(accounts, vault, headers, "trade")
    assert caught.value.status == 401


async def test_a_start_that_loses_its_cancellation_is_broken_off_all_the_same() -> None:
    """Python 3.11's `wait_for`, which the libraries use, loses one that comes together with what it waits for."""
    ended: list[str] = []

    async def start() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("start")

    stopped = asyncio.create_task(asyncio.sleep(0, result=True))
    assert not await asyncio.wait_for(serve.before(stopped, start()), 10.0)
    assert ended == ["start"]
