"""The NATS servers: who is there, in which version, with which settings, with which clock."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from polyfeed.app.doctor.finding import Finding, Level, judged
from polyfeed.app.nats_server import read_monitor
from polyfeed.bus.nats.connection import place_of
from polyfeed.bus.nats.terms import MIN_VERSION, PAYLOAD_BYTES, SYNC

ANSWER_SECONDS = 2.0
PORT, MONITOR_PORT = 4222, 8222
"""Where NATS takes clients and tells about itself unless it was told otherwise."""

CLOCK_WARN_SECONDS = 0.05
CLOCK_FAIL_SECONDS = 1.0
"""Beyond this, tokens and signed calls of some dialects are refused for their time alone."""


class Monitored(Struct, frozen=True):
    """What a server's monitoring port says (`varz`); `offset` is its clock's before ours in seconds, give or take
    `doubt`.
    """

    varz: dict[str, Any]
    offset: float
    doubt: float


class Seen(Struct, frozen=True):
    """A server: what it says to who connects (`INFO`), and what its monitoring port says, None where that is away."""

    url: str
    info: dict[str, Any]
    monitored: Monitored | None = None

    @property
    def name(self) -> str:
        """What to call it."""
        return f"NATS {self.info.get('server_name') or place_of(urlsplit(self.url))}"


async def look(urls: Sequence[str], monitors: Sequence[str]) -> tuple[list[Seen], list[Finding]]:
    """The servers of these URLs and those that they name, and a finding for each that is not there.

    `monitors` are the URLs of their monitoring ports; without any, each host is asked at the usual one.
    """
    seen: dict[str, Seen] = {}
    findings: list[Finding] = []
    waiting = [(url, True) for url in urls]
    known = {_place(url) for url in urls}
    while waiting:
        url, given = waiting.pop(0)
        try:
            info = await read_info(*_place(url))
        except OSError as error:
            level = Level.FAIL if given else Level.WARN
            advice = (
                "start it, or take it out of bus.url" if given else "the other servers name it: gateways may try it"
            )
            findings.append(
                Finding(level, f"NATS {place_of(urlsplit(url))}", str(error), "a server that answers", advice)
            )
            continue
        seen.setdefault(str(info.get("server_id")), Seen(url, info))
        for netloc in info.get("connect_urls", ()):
            if _place(f"nats://{netloc}") not in known:
                known.add(_place(f"nats://{netloc}"))
                waiting.append((f"nats://{netloc}", False))
    if not monitors:
        hosts = dict.fromkeys(_place(one.url)[0] for one in seen.values())
        monitors = [f"http://{f'[{host}]' if ':' in host else host}:{MONITOR_PORT}" for host in hosts]
    told = {str(one.varz.get("server_id")): one for one in await _monitor(monitors)}
    return [msgspec.structs.replace(one, monitored=told.get(key)) for key, one in seen.items()], findings


def check_server(seen: Seen, *, standby: bool) -> list[Finding]:
    """What can be said of one server by itself."""
    name, info = seen.name, seen.info
    found = version_of(str(info.get("version", "")))
    wanted = ".".join(map(str, MIN_VERSION))
    payload = int(info.get("max_payload", 0))
    findings = [
        judged(
            f"{name}: version",
            found >= MIN_VERSION,
            info.get("version", "?"),
            f">= {wanted}",
            "take a newer one: earlier ones could lose a whole stream when a process crashed",
        ),
        judged(
            f"{name}: JetStream",
            bool(info.get("jetstream")),
            "on" if info.get("jetstream") else "off",
            "on",
            "write `jetstream { store_dir: … }` into its configuration",
        ),
        judged(
            f"{name}: max_payload",
            payload >= PAYLOAD_BYTES,
            payload,
            f">= {PAYLOAD_BYTES}",
            f"write `max_payload: {PAYLOAD_BYTES}` into its configuration: larger parcels are refused",
        ),
    ]
    if seen.monitored is None:
        advice = "give its monitoring port (--monitor http://HOST:8222), or look yourself: /varz, jetstream.config"
        return [
            *findings,
            Finding(Level.WARN, f"{name}: sync_interval", "not to be seen", SYNC, advice),
            Finding(Level.WARN, f"{name}: clock", "not to be seen", "as ours", advice),
        ]
    return [*findings, _sync(seen, seen.monitored, standby=standby), _clock(seen, seen.monitored)]


def _sync(seen: Seen, monitored: Monitored, *, standby: bool) -> Finding:
    settings = (monitored.varz.get("jetstream") or {}).get("config") or {}
    always = bool(settings.get("sync_always"))
    lost = "orders that were acknowledged" if standby else "the last batches, and gateways begin anew"
    return judged(
        f"{seen.name}: sync_interval",
        always,
        "always" if always else f"{settings.get('sync_interval', 0) / 1e9:g} s",
        SYNC,
        f"write `sync_interval: {SYNC}` into its jetstream block: a power failure loses {lost}",
        otherwise=Level.FAIL if standby else Level.WARN,
    )


def _clock(seen: Seen, monitored: Monitored) -> Finding:
    off = max(0.0, abs(monitored.offset) - monitored.doubt)
    return judged(
        f"{seen.name}: clock",
        off <= CLOCK_WARN_SECONDS,
        f"{monitored.offset * 1000:+.1f} ms (give or take {monitored.doubt * 1000:.1f})",
        f"within {CLOCK_WARN_SECONDS * 1000:g} ms",
        "run chronyd or systemd-timesyncd on both machines",
        otherwise=Level.FAIL if off > CLOCK_FAIL_SECONDS else Level.WARN,
    )


def check_room(seen: Seen, needed: int) -> list[Finding]:
    """Whether a server has `needed` bytes left to give to streams; nothing where that cannot be seen."""
    jetstream = (seen.monitored.varz.get("jetstream") or {}) if seen.monitored else {}
    most = (jetstream.get("config") or {}).get("max_storage")
    if most is None:
        return []
    stats = jetstream.get("stats") or {}
    left = most - max(stats.get("reserved_storage", 0), stats.get("storage", 0))
    advice = (
        "raise max_file_store in its jetstream block, on a disk that has it: JetStream makes no stream it cannot hold"
    )
    return [judged(f"{seen.name}: storage", left >= needed, _gib(left), f">= {_gib(needed)} left", advice)]


def check_number(seen: Sequence[Seen], replicas: int) -> list[Finding]:
    """Whether there are servers enough for the replicas, and replicas enough to lose a server."""
    count = sum(bool(one.info.get("jetstream")) for one in seen)
    findings = [
        judged(
            "NATS servers",
            count >= replicas,
            count,
            f">= {replicas} with JetStream, for bus.replicas",
            "start more, or lower bus.replicas",
        )
    ]
    if replicas < 3:
        advice = "set bus.replicas = 3, on three servers: until then the loss of one server stops the venue's bus"
        findings.append(Finding(Level.WARN, "bus.replicas", str(replicas), "3", advice))
    return findings


async def read_info(host: str, port: int) -> dict[str, Any]:
    """What a server says first to everybody who connects. Raises OSError."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                line = await reader.readline()
            finally:
                writer.close()
    except TimeoutError:
        raise OSError(f"no answer within {ANSWER_SECONDS:g} s") from None
    except ValueError as error:
        raise OSError(f"not a NATS server: {error}") from error
    word, _, rest = line.partition(b" ")
    try:
        return dict(msgspec.json.decode(rest if word == b"INFO" else b""))
    except (ValueError, TypeError) as error:
        raise OSError("not a NATS server") from error


def version_of(text: str) -> tuple[int, ...]:
    """`2.10.23-RC.1` as numbers; nothing of what is no version."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else ()


async def _monitor(urls: Sequence[str]) -> list[Monitored]:
    answers = await asyncio.gather(*(asyncio.to_thread(_varz, url) for url in urls), return_exceptions=True)
    return [one for one in answers if isinstance(one, Monitored)]


def _varz(url: str) -> Monitored:
    before = time.time()
    varz = read_monitor(f"{url.rstrip('/')}/varz", ANSWER_SECONDS)
    after = time.time()
    theirs = datetime.fromisoformat(str(varz["now"])).timestamp()
    return Monitored(varz, theirs - (before + after) / 2, (after - before) / 2)


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or PORT


def _gib(number: int) -> str:
    return f"{number / (1 << 30):.1f} GiB"
