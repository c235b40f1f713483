"""The end of a server whose disk does not answer, or whose venue has failed: the journal still says what happened."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import load
from polyfeed.app.flow import Flow
from polyfeed.app.recovery import recover
from polyfeed.app.server import Server
from polyfeed.app.store import opened
from polyfeed.dialects.registry import DIALECTS
from polyfeed.model.batches import Batch
from polyfeed.model.commands import SetSystemStatus

CONFIG = load(
    None,
    {},
    [*(f"{name}.port=0" for name in (*DIALECTS, "http")), "server.drain_seconds=0.1", "store.patience_seconds=30"],
)
"""Patient: the disk is a real one, which other tests use too."""


async def test_a_disk_that_does_not_answer_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, real = threading.Event(), os.fdatasync
    stuck.set()

    def sync(descriptor: int) -> None:
        stuck.wait(30)
        real(descriptor)

    with opened(CONFIG, tmp_path, SteadyClock()) as store:
        server = Server(CONFIG, SteadyClock(), store.replica.market, Flow(()), store)
        await server.start()
        await server.carry_out(SetSystemStatus("one"))
        monkeypatch.setattr(server.sequencer, "_patience", 0.2)
        monkeypatch.setattr(os, "fdatasync", sync)
        stuck.clear()
        waiting = asyncio.create_task(server.carry_out(SetSystemStatus("two")))
        async with asyncio.timeout(30):
            while not server.trouble:
                await asyncio.sleep(0.01)
        await server.stop()
        waiting.cancel()
        stuck.set()
        while any(thread.name.startswith("journal") and thread.is_alive() for thread in threading.enumerate()):
            await asyncio.sleep(0.01)
    replica = recover(CONFIG, tmp_path).replica
    assert replica.market.system_status in ("one", "two"), "what was on its way may have come to the disk"


async def test_what_a_failed_venue_had_not_carried_out_is_carried_out_by_the_next(tmp_path: Path) -> None:
    def fail(batch: Batch) -> None:
        if batch.public:
            raise RuntimeError("a fault of ours")

    with opened(CONFIG, tmp_path, SteadyClock()) as store:
        server = Server(CONFIG, SteadyClock(), store.replica.market, Flow(()), store)
        await server.start()
        server._bus.subscribe(fail)
        for text in ("one", "two", "three"):
            server.sequencer.submit(SetSystemStatus(text))
        await server.failed()
        await server.stop()
    assert recover(CONFIG, tmp_path).replica.market.system_status == "three"
