"""`polyfeed doctor`: everything looked at, a line for each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from nats.aio.client import Client
from nats.js.api import StreamConfig, StreamInfo
from nats.js.errors import NotFoundError

from polyfeed.app.config import BusSection, Config
from polyfeed.app.doctor.finding import Finding, Level, table
from polyfeed.app.doctor.machine import check_machine
from polyfeed.app.doctor.servers import check_number, check_room, check_server, look
from polyfeed.app.doctor.streams import check_stream
from polyfeed.bus.nats.connection import FAILURES, connect, jetstream, servers_of
from polyfeed.bus.nats.names import Names
from polyfeed.bus.nats.terms import IMAGES_BYTES, batches_config, records_config

CONNECT_SECONDS = 5.0


def doctor(config: Config, monitors: Sequence[str]) -> int:
    """Prints what was found; 1 when something cannot stay as it is."""
    findings = check_machine(config)
    if config.bus.url:
        findings += asyncio.run(check_bus(config.bus, monitors))
    print(table(findings))
    count = {level: sum(one.level is level for one in findings) for level in Level}
    print(f"{count[Level.OK]} ok, {count[Level.WARN]} to think about, {count[Level.FAIL]} to mend")
    return 1 if count[Level.FAIL] else 0


async def check_bus(bus: BusSection, monitors: Sequence[str]) -> list[Finding]:
    """The servers of `bus.url`, and the streams below `bus.name`."""
    seen, findings = await look(servers_of(bus.url), monitors)
    findings += check_number(seen, bus.replicas)
    for one in seen:
        findings += check_server(one, standby=bus.standby)
    if not any(one.info.get("jetstream") for one in seen):
        return findings
    names = Names(bus.name)
    wanted = [batches_config(names, bus.replicas)]
    if bus.standby:
        wanted.append(records_config(names, bus.replicas))
    try:
        streams = await _streams(bus, wanted)
    except FAILURES as error:
        advice = "look at the servers' logs and at bus.credentials: the venue needs the JetStream API"
        return [*findings, Finding(Level.FAIL, "JetStream", str(error) or "no answer", "an answer", advice)]
    needed = IMAGES_BYTES + sum(one.max_bytes or 0 for one, info in zip(wanted, streams, strict=True) if info is None)
    for one in seen:
        findings += check_room(one, needed)
    for config, info in zip(wanted, streams, strict=True):
        findings += check_stream(config, info)
    return findings


async def _streams(bus: BusSection, wanted: Sequence[StreamConfig]) -> list[StreamInfo | None]:
    """Each stream, None for one that is not there. Raises one of FAILURES."""
    async with asyncio.timeout(CONNECT_SECONDS):
        client = await connect(bus.url, "polyfeed doctor", bus.credentials)
    try:
        return [await _stream(client, one.name or "") for one in wanted]
    finally:
        await client.close()


async def _stream(client: Client, name: str) -> StreamInfo | None:
    try:
        return await jetstream(client).stream_info(name)
    except NotFoundError:
        return None
