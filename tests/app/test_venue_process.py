"""A venue that is not one yet: its operator's port says that it lives, why it is not ready, and how far behind it is."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.error import HTTPError

import pytest

from polyfeed.app.bus_roles import connected
from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import Config, load
from polyfeed.app.nats_server import NatsServer
from polyfeed.app.store import opened
from polyfeed.app.venue_process import VenueProcess
from polyfeed.bus.nats.lease import Lease
from polyfeed.bus.nats.names import Names
from polyfeed.bus.tasks import cancelled

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("nats")]

PATIENCE = 120.0


def config_of(url: str, state: Path, *, standby: bool) -> Config:
    settings = [f"bus.url={url}", f"server.state_dir={state}", "http.port=0", "flow.demo=true", "flow.agents=1"]
    return load(None, {}, [*settings, f"bus.standby={str(standby).lower()}", f"store.journal={state / 'journal'}"])


@asynccontextmanager
async def process(config: Config) -> AsyncIterator[tuple[VenueProcess, asyncio.Task[None]]]:
    """A venue process, and its start."""
    async with AsyncExitStack() as stack:
        store = stack.enter_context(opened(config, Path(config.store.journal), SteadyClock()))
        client = await stack.enter_async_context(connected(config.bus, "venue"))
        one = VenueProcess(config, client, Lease(client, Names(config.bus.name).bucket, 1), store)
        stack.push_async_callback(one.stop)
        start = asyncio.create_task(one.start())
        stack.push_async_callback(cancelled, [start])
        yield one, start


async def ask(one: VenueProcess, path: str) -> tuple[int, str]:
    """Status and text of an answer of its operator's port."""

    def get() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{one.operator_port}/{path}", timeout=30) as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    return await asyncio.to_thread(get)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("standby", [True, False])
async def test_a_second_venue_waits_with_its_port_open_and_becomes_the_venue_behind_the_same_port(
    tmp_path: Path, standby: bool
) -> None:
    server = NatsServer(tmp_path / "nats")
    await server.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        configs = [config_of(server.url, tmp_path / name, standby=standby) for name in ("v1", "v2")]
        async with process(configs[0]) as (first, begun):
            await asyncio.wait_for(begun, PATIENCE)
            assert await ask(first, "readyz") == (200, "ready\n")
            assert "\npolyfeed_venue 1\n" in (await ask(first, "metrics"))[1]
            second, follows = await stack.enter_async_context(process(configs[1]))
            await until(lambda: " on " in second.trouble)
            assert await ask(second, "healthz") == (200, "ok\n")
            status, text = await ask(second, "readyz")
            assert status == 503
            holder = second._lease.seen
            if standby:
                assert text.startswith(f"not ready: standby of {holder}, ")
                await until(lambda: second.trouble.startswith(f"standby of {holder}, 0 messages behind it, at record "))
                async with asyncio.timeout(PATIENCE):  # more records come: it is behind again now and then
                    while "\npolyfeed_bus_behind_messages 0\n" not in (await ask(second, "metrics"))[1]:
                        await asyncio.sleep(0.01)
            else:
                assert text == f"not ready: waiting for the end of {holder}\n"
            assert "\npolyfeed_venue 0\n" in (await ask(second, "metrics"))[1].join("\n\n")
            assert (await ask(second, "api/markets"))[0] == 404
            assert not follows.done()
        await asyncio.wait_for(follows, PATIENCE)
        assert await ask(second, "readyz") == (200, "ready\n")
        assert "\npolyfeed_venue 1\n" in (await ask(second, "metrics"))[1]


async def test_a_standby_without_a_bus_says_so(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "nats")
    await server.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        first, begun = await stack.enter_async_context(process(config_of(server.url, tmp_path / "v1", standby=True)))
        await asyncio.wait_for(begun, PATIENCE)
        second, _ = await stack.enter_async_context(process(config_of(server.url, tmp_path / "v2", standby=True)))
        await until(lambda: " on " in second.trouble)
        await server.kill()
        await until(lambda: second.trouble.endswith("; the bus cannot be reached"))
        assert (await ask(second, "readyz"))[0] == 503
        assert "\npolyfeed_bus_connected 0\n" in (await ask(second, "metrics"))[1]
        await until(lambda: first.trouble != "")
        await server.start()
        await until(lambda: first.trouble == "")
        await until(lambda: not second.trouble.endswith("reached"))
