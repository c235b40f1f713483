"""`polyfeed doctor`: real NATS servers with settings that will and will not do, and a machine's."""

from __future__ import annotations

import asyncio
import re
import resource
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.js.api import DiscardPolicy, StorageType, StreamConfig

from polyfeed.app.cli import main
from polyfeed.app.config import Config, GatewaySection
from polyfeed.app.doctor.finding import Finding, Level, table
from polyfeed.app.doctor.machine import check_clock, check_files, check_kernel
from polyfeed.app.doctor.servers import Monitored, Seen, check_number, check_room, check_server, version_of
from polyfeed.app.nats_server import NatsCluster, NatsServer
from polyfeed.app.ports import free_ports
from polyfeed.bus.nats.names import Names
from polyfeed.bus.nats.terms import batches_config, records_config


def levels(text: str) -> dict[str, str]:
    """What the doctor said of each thing."""
    found = (re.match(r"(ok|warn|fail)\s+(.+?)\s\s", line) for line in text.splitlines())
    return {one[2]: one[1] for one in found if one is not None}


async def asked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The doctor's exit code and words. The limit of files is set aside: it is this machine's, not the servers'."""
    code = await asyncio.to_thread(main, ["doctor", "--set", "gateway.connections=100", *words])
    return code, capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.xdist_group("nats")
async def test_servers_and_streams_as_they_should_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cluster = NatsCluster(tmp_path)
    await cluster.start()
    words = ["--bus", cluster.servers[0].url, "--standby", "--set", "bus.replicas=3"]
    words += [word for server in cluster.servers for word in ("--monitor", server.monitor)]
    try:
        code, before = await asked(capsys, *words)
        client = Client()
        await client.connect(cluster.url.split(","))
        for config in (batches_config(Names("polyfeed"), 3), records_config(Names("polyfeed"), 3)):
            await client.jetstream().add_stream(config)
        await client.close()
        code_after, after = await asked(capsys, *words)
    finally:
        await cluster.stop()
    assert (code, code_after) == (0, 0)
    assert "stream polyfeed-batches" in before and "not made yet" in before
    said = levels(after)
    for name in ("n1", "n2", "n3"):
        for what in ("version", "JetStream", "max_payload", "sync_interval", "clock", "storage"):
            assert said[f"NATS {name}: {what}"] == "ok"
    assert (said["stream polyfeed-batches"], said["stream polyfeed-records"]) == ("ok", "ok")
    assert (said["NATS servers"], "fail" in said.values()) == ("ok", False)


@pytest.mark.slow
@pytest.mark.xdist_group("nats")
async def test_each_wrong_setting_is_named_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = NatsServer(tmp_path, sync="2m", extra=["max_payload: 65536"])
    await server.start()
    await server.until_ready()
    dead = f"nats://127.0.0.1:{free_ports(1)[0]}"
    try:
        client = Client()
        await client.connect(server.url)
        wrong = StreamConfig(
            name="polyfeed-batches",
            subjects=["other.batches"],
            storage=StorageType.MEMORY,
            discard=DiscardPolicy.NEW,
            max_age=60.0,
            max_bytes=1 << 20,
            max_msgs=10,
            max_consumers=5,
            duplicate_window=1.0,
            num_replicas=1,
        )
        await client.jetstream().add_stream(wrong)
        await client.close()
        code, text = await asked(
            capsys,
            *("--bus", f"{server.url},{dead}", "--standby", "--set", "bus.replicas=3", "--monitor", server.monitor),
        )
    finally:
        await server.stop()
    assert code == 1
    said = levels(text)
    stream = "stream polyfeed-batches: "
    for what in ("subjects", "storage", "discard", "num_replicas", "duplicate_window"):
        assert said[stream + what] == "fail"
    for what in ("max_age", "max_bytes", "max_msgs", "max_consumers", "allow_direct"):
        assert said[stream + what] == "warn"
    assert "retention" not in text
    assert (said["NATS n1: max_payload"], said["NATS n1: sync_interval"]) == ("fail", "fail")
    assert said["NATS servers"] == said[f"NATS {dead.removeprefix('nats://')}"] == "fail"
    assert said["NATS n1: version"] == said["NATS n1: JetStream"] == "ok"
    assert "`nats stream edit polyfeed-batches --replicas 3`" in text
    assert "`nats stream edit polyfeed-batches --dupe-window 120s`" in text
    assert "`sync_interval: always`" in text and "120 s" in text


@pytest.mark.slow
@pytest.mark.xdist_group("nats")
async def test_what_cannot_be_seen_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = NatsServer(tmp_path)
    await server.start()
    await server.until_ready()
    try:
        unseen = f"http://127.0.0.1:{free_ports(1)[0]}"
        code, text = await asked(capsys, "--bus", server.url, "--monitor", unseen)
    finally:
        await server.stop()
    said = levels(text)
    assert (code, said["NATS n1: sync_interval"], said["NATS n1: clock"]) == (0, "warn", "warn")
    assert "not to be seen" in text


async def test_who_answers_with_something_else_is_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example\r\n")
        await writer.drain()
        writer.close()

    other = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with other:
        port = other.sockets[0].getsockname()[1]
        code, text = await asked(capsys, "--bus", f"nats://127.0.0.1:{port}")
    assert (code, levels(text)[f"NATS 127.0.0.1:{port}"]) == (1, "fail")
    assert "not a NATS server" in text


@pytest.mark.parametrize(
    ("version", "level"),
    [("2.10.23", "ok"), ("2.12.0-RC.1", "ok"), ("2.10.22", "fail"), ("2.9.99", "fail"), ("nightly", "fail")],
)
def test_versions(version: str, level: str) -> None:
    seen = Seen("nats://a", {"server_name": "a", "version": version, "jetstream": True, "max_payload": 1 << 20})
    assert check_server(seen, standby=False)[0].level == level


def test_a_version_is_compared_by_its_numbers() -> None:
    assert version_of("2.9.3") < version_of("2.10.0") < version_of("2.10.23")
    assert version_of("go1") == ()


def monitored(offset: float = 0.0, doubt: float = 0.0, **config: object) -> Seen:
    info = {"server_name": "a", "version": "2.12.0", "jetstream": True, "max_payload": 1 << 20}
    stats = {"reserved_storage": 10 << 30, "storage": 1}
    return Seen("nats://a", info, Monitored({"jetstream": {"config": config, "stats": stats}}, offset, doubt))


@pytest.mark.parametrize(
    ("offset", "doubt", "level"), [(0.04, 0, "ok"), (-0.2, 0.0, "warn"), (0.2, 0.19, "ok"), (-1.5, 0.01, "fail")]
)
def test_a_clock_is_wrong_only_by_more_than_the_answers_own_time(offset: float, doubt: float, level: str) -> None:
    finding = check_server(monitored(offset, doubt), standby=False)[-1]
    assert (finding.what, finding.level) == ("NATS a: clock", level)


@pytest.mark.parametrize(("standby", "level"), [(False, "warn"), (True, "fail")])
def test_what_is_not_synced_loses_orders_only_where_a_standby_counts_on_it(standby: bool, level: str) -> None:
    finding = check_server(monitored(sync_interval=120_000_000_000), standby=standby)[-2]
    assert (finding.what, finding.level, finding.found) == ("NATS a: sync_interval", level, "120 s")


def test_room_is_what_other_streams_have_not_reserved() -> None:
    seen = monitored(max_storage=30 << 30)
    assert [one.level for one in check_room(seen, 20 << 30)] == ["ok"]
    assert [one.level for one in check_room(seen, (20 << 30) + 1)] == ["fail"]
    assert check_room(Seen("nats://a", {}), 1) == []


def test_replicas_need_servers() -> None:
    three = [monitored(), monitored(), monitored()]
    assert [one.level for one in check_number(three, 3)] == ["ok"]
    assert [one.level for one in check_number(three[:2], 3)] == ["fail"]
    assert [one.level for one in check_number(three, 1)] == ["ok", "warn"]


@pytest.mark.parametrize(
    ("connections", "soft", "level"),
    [
        (50_000, 1024, "fail"),
        (50_000, 50_512, "ok"),
        (50_000, resource.RLIM_INFINITY, "ok"),
        (0, 1024, "warn"),
    ],
)
def test_files_are_enough_for_the_connections(connections: int, soft: int, level: str) -> None:
    finding = check_files(Config(gateway=GatewaySection(connections=connections)), soft, soft)
    assert finding.level == level
    if level == "fail":
        assert "lower gateway.connections to 512" in finding.advice


def test_the_kernels_limits_are_read_where_it_has_them(tmp_path: Path) -> None:
    for name, value in {"net/core/somaxconn": 128, "net/core/wmem_max": 131_072, "fs/file-max": 10**9}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{value}\n")
    found = {one.what: one for one in check_kernel(Config(), tmp_path)}
    assert {what: one.level for what, one in found.items()} == {
        "net.core.somaxconn": Level.WARN,
        "net.core.wmem_max": Level.OK,
        "fs.file-max": Level.OK,
    }
    assert "sysctl -w net.core.somaxconn=2048" in found["net.core.somaxconn"].advice


@pytest.mark.parametrize(("state", "level"), [(0, "ok"), (2, "ok"), (5, "warn"), (-1, "warn"), (None, "warn")])
def test_a_clock_that_nobody_keeps_is_said(state: int | None, level: str) -> None:
    assert check_clock(state).level == level


def test_lines_stand_in_columns_with_the_advice_below() -> None:
    findings = [
        Finding(Level.OK, "a", "1"),
        Finding(Level.FAIL, "longer", "22", "3", "do it"),
        Finding(Level.OK, "b", ""),
    ]
    assert table(findings) == "ok    a       1\nfail  longer  22  wanted 3\n      -> do it\nok    b"
