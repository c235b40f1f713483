"""The program as its user meets it: a process, its ports, its words, its end."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from polyfeed.dialects.registry import DIALECTS
from tests.e2e.kraken_client import Book, Client

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("process")]

WAIT = 60


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "polyfeed", *map(str, words)]


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), capture_output=True, text=True, timeout=WAIT, check=False)


class Process:
    """A running server, started with the ports left free."""

    def __init__(self, *words: str | Path) -> None:
        names = [f"{name}.{port}" for name in DIALECTS for port in ("port", "tls_port")]
        free = [word for name in (*names, "http.port") for word in ("--set", f"{name}=0")]
        self.process = subprocess.Popen(
            [*command(*words), *free], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.directory = ""
        for line in self.process.stdout:
            self.directory += line
            if "certificate" in line or ("ws://" in line and "--tls" not in words):
                break
        assert "polyfeed is ready" in self.directory

    def port(self, scheme: str) -> int:
        found = re.search(rf"\b{scheme}://127.0.0.1:(\d+)/", self.directory)
        assert found is not None, self.directory
        return int(found[1])

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """The exit code and what was said on standard error."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=WAIT)
        return self.process.returncode, errors

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, Path]]:
    state = tmp_path_factory.mktemp("state")
    process = Process("serve", "--demo", "--tls", "self-signed", "--set", f"server.state_dir={state}")
    yield process, state
    process.end()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_cleanly_with_goodbyes(number: int) -> None:
    process = Process("serve", "--demo")
    try:
        client = await Client.open(process.port("ws"))
        await client.subscribe(["XBT/USD"], name="book")
        code, errors = await asyncio.to_thread(process.stop, number)
        await client.close()
        assert (code, client.socket.close_code) == (0, 1001)
        assert "Traceback" not in errors
    finally:
        process.end()


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        done = run("serve", "--demo", "--set", f"kraken.port={number}", "--set", "http.port=0")
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{number}: Address already in use" in done.stderr
    assert "; --set kraken.port=N takes another port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["serve", "--set", "karken.port=1"], "did you mean 'kraken'?"),
        (["serve", "--config", "/nowhere.toml"], "cannot read /nowhere.toml"),
        (["serve", "--demo", "--speed", "1000"], "flow.speed wants a number from 0.1 to 100, not '1000.0'"),
        (["serve", "--demo", "--tls", "/nowhere.pem", "--set", "kraken.port=0"], "no TLS file /nowhere.pem"),
        (["replay", "/nowhere.jsonl"], "/nowhere.jsonl"),
        (["tap", "kraken", "book", "XBT/USD", "--url", "ws://127.0.0.1:1/"], "is the server running?"),
        (["status", "online", "--url", "http://127.0.0.1:1"], "no server answers"),
    ],
)
def test_errors_are_one_sentence_and_no_traceback(words: list[str], says: str) -> None:
    done = run(*words)
    assert done.returncode in {1, 2}
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_every_verb_has_help_with_an_example() -> None:
    for verb in ("serve", "replay", "tap", "record", "status", "doctor", "cluster", "config"):
        done = run(verb, "--help")
        assert done.returncode == 0
        assert f"example: polyfeed {verb}" in " ".join(done.stdout.split())


def test_the_shown_configuration_can_be_used(tmp_path: Path) -> None:
    shown = run("config", "show", "--set", "kraken.profile=1.x")
    file = tmp_path / "polyfeed.toml"
    file.write_text(shown.stdout)
    assert 'profile = "1.x"' in shown.stdout
    assert run("config", "check", "--config", file).stdout == "the configuration holds\n"


async def test_tls_with_our_own_certificate(demo: tuple[Process, Path]) -> None:
    process, state = demo
    context = ssl.create_default_context(cafile=state / "tls" / "cert.pem")
    assert str(state / "tls" / "cert.pem") in process.directory
    for host in ("localhost", "127.0.0.1"):
        async with connect(f"wss://{host}:{process.port('wss')}/", ssl=context) as socket:
            assert json.loads(await socket.recv())["event"] == "systemStatus"
            await socket.send('{"event":"subscribe","pair":["XBT/USD"],"subscription":{"name":"book","depth":1000}}')
            assert json.loads(await socket.recv())["status"] == "subscribed"
            book = Book(1000)
            while book.checked < 20:
                text = await socket.recv()
                if str(text).startswith("["):
                    book.apply(str(text))
    assert (state / "tls" / "key.pem").stat().st_mode & 0o077 == 0


async def test_an_operators_words_reach_every_client(demo: tuple[Process, Path]) -> None:
    process, _ = demo
    operator = f"http://127.0.0.1:{process.port('http')}"
    client = await Client.open(process.port("ws"))
    await client.subscribe(["ETH/USD", "XBT/USD"], name="ticker")
    assert (await asyncio.to_thread(run, "status", "maintenance: back at noon", "--url", operator)).returncode == 0
    await client.until_text('{"event":"systemStatus","status":"maintenance: back at noon","version":"0.2.0"}')
    halt = await asyncio.to_thread(run, "status", "halted", "--instrument", "ETH-USD", "--url", operator)
    assert json.loads(halt.stdout).items() >= {"name": "ETH-USD", "status": "halted"}.items()
    await client.until(lambda: any('"unsubscribed"' in text and "ETH/USD" in text for text in client.messages))
    late = await Client.open(process.port("ws"))
    await late.until_text('"status":"maintenance: back at noon"')
    for words in (["online", "--instrument", "ETH-USD"], ["online"]):
        assert (await asyncio.to_thread(run, "status", *words, "--url", operator)).returncode == 0
    wrong = await asyncio.to_thread(run, "status", "halted", "--instrument", "NO-NO", "--url", operator)
    assert "there is no instrument 'NO-NO'" in wrong.stderr
    await client.close()
    await late.close()


def test_health_metrics_and_refusals_of_the_operators_port(demo: tuple[Process, Path]) -> None:
    operator = f"http://127.0.0.1:{demo[0].port('http')}"

    def get(path: str) -> str:
        with urllib.request.urlopen(operator + path, timeout=WAIT) as response:
            return str(response.read().decode())

    assert get("/healthz") == "ok\n"
    assert get("/readyz") == "ready\n"
    assert re.search(r"^polyfeed_batches_total [1-9]\d+$", get("/metrics"), re.M)
    assert "kraken" in get("/")
    for headers, body, status in (
        ({"Origin": "http://evil.example"}, b'{"status":"x"}', 403),
        ({}, b"[]", 400),
        ({}, b'{"status":""}', 400),
    ):
        request = urllib.request.Request(f"{operator}/api/system/status", body, headers, method="PUT")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=WAIT)
        assert caught.value.code == status
        caught.value.close()


def test_what_is_recorded_can_be_replayed(demo: tuple[Process, Path], tmp_path: Path) -> None:
    url = f"ws://127.0.0.1:{demo[0].port('ws')}/"
    file = tmp_path / "book.jsonl.gz"
    done = run(
        "record", "kraken", "book", "XBT/USD", "ETH/EUR", "--depth", "100", "--seconds", "3", "-o", file, "--url", url
    )
    assert done.returncode == 0
    with gzip.open(file, "rt") as lines:
        recorded = [json.loads(line)["m"] for line in lines]
    updates = [text for text in recorded if text.endswith('"book-100","XBT/USD"]')]
    assert len(updates) > 10
    process = Process("replay", file, "--once", "--speed", "0.5")
    try:
        tapped = run(
            "tap",
            "kraken",
            "book",
            "XBT/USD",
            "--depth",
            "100",
            "--seconds",
            "4",
            "--url",
            f"ws://127.0.0.1:{process.port('ws')}/",
        )
        played = [text for text in tapped.stdout.splitlines() if text.startswith("[")]
        assert len(played) > 5
        assert set(played[1:]) <= set(updates), "each replayed update is one that was recorded, byte for byte"
        assert process.stop()[0] == 0
    finally:
        process.end()
