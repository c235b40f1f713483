"""The operator's port: on this machine only, or behind a token; and what of the operator's is kept in files."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from polyfeed.app.config import ConfigError, HttpSection, load
from polyfeed.app.console.stream import WIRE
from polyfeed.app.operator import ROUTER
from polyfeed.app.operator_client import CallFailed, call
from polyfeed.app.operator_token import operator_token
from polyfeed.dialects.registry import DIALECTS
from polyfeed.gateway.listener import Listener
from tests.app.house import get, running
from tests.e2e.raw import Raw, frame, upgrade

TOKEN = "a-token-of-the-operator"


def http(*settings: str) -> HttpSection:
    return load(None, {}, [f"http.{one}" for one in settings]).http


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "venue.example"])
def test_without_a_token_nobody_else_can_reach_it(host: str) -> None:
    with pytest.raises(ConfigError, match="opens the operator's port to others"):
        operator_token(http(f"host={host}"))
    assert operator_token(http(f"host={host}", f"token={TOKEN}")) == TOKEN


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_needs_none(host: str) -> None:
    assert operator_token(http(f"host={host}")) == ""


def test_a_token_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert operator_token(http(f"token_file={file}")) == TOKEN


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["token=short"], "at least 16"),
        (["token=with a space in the midst"], "printable"),
        ([f"token={TOKEN}", "token_file=x"], "two tokens"),
        (["token_file=/nowhere/at/all"], "cannot read"),
    ],
)
def test_tokens_that_are_none(settings: list[str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        operator_token(http(*settings))


@pytest.mark.slow
async def test_with_a_token_the_operators_calls_and_the_metrics_want_it() -> None:
    async with running(f"http.token={TOKEN}") as server:
        for path in ("/api/accounts", "/metrics"):
            status, head, _ = await get(server, path)
            assert status == 401
            assert "www-authenticate: Bearer" in head
            for wrong in (f"Basic {TOKEN}", "Bearer", "Bearer wrong", f"Bearer {TOKEN}x", f"Bearer {TOKEN}\xe9"):
                assert (await get(server, path, f"Authorization: {wrong}"))[0] == 401
            twice = [f"Authorization: Bearer {TOKEN}"] * 2
            assert (await get(server, path, *twice))[0] == 401
            assert (await get(server, path, f"Authorization: Bearer {TOKEN}"))[0] == 200
        for path in ("/healthz", "/readyz", "/openapi.json", "/api/instruments"):
            assert (await get(server, path))[0] == 200


@pytest.mark.slow
async def test_every_call_of_the_operators_wants_the_token() -> None:
    """Those that need none are open to all, or want a user's key, by name: a new one has to be put on either side."""
    async with running(f"http.token={TOKEN}") as server:
        for endpoint in ROUTER.endpoints:
            path = re.sub(r"\{\w+\}", "1", endpoint.path)
            status, head, _ = await get(server, path, method=endpoint.method)
            if endpoint.access == "operator":
                assert (status, "www-authenticate: Bearer" in head) == (401, True), endpoint.path
            elif endpoint.access == "open":
                assert endpoint.path in OPEN, endpoint.path
            else:
                assert (status, "www-authenticate: Basic" in head) == (401, True), endpoint.path
        assert (await get(server, f"{WIRE}?instrument=BTC-USD"))[0] == 401


OPEN = {"/api/directory", "/api/flow", "/api/instruments", "/api/system/status"}


@pytest.mark.slow
async def test_it_stays_on_this_machine_whatever_the_dialects_do() -> None:
    async with running("server.host=0.0.0.0") as server:
        assert listens_on(server._operator._listener) == "127.0.0.1"
        assert {listens_on(one) for one in server._role._listeners} == {"0.0.0.0"}


def listens_on(listener: Listener) -> str:
    assert listener._entrance is not None
    return str(listener._entrance._sock.getsockname()[0])


MADE_UP = "xyzzy"


def labels(text: str) -> set[str]:
    """Every metric with its labels, without its value."""
    return {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}


@pytest.mark.slow
async def test_metrics_have_no_labels_that_clients_choose() -> None:
    """Whatever they subscribe to, call, or close with: as many lines as before, and none with their words."""
    requests = {
        "kraken": [{"event": MADE_UP}, {"event": "subscribe", "pair": [MADE_UP], "subscription": {"name": MADE_UP}}],
        "bitstamp": [{"event": "bts:subscribe", "data": {"channel": f"live_trades_{MADE_UP}"}}],
        "peatio": [{"event": "subscribe", "streams": [f"{MADE_UP}{number}.trades" for number in range(600)]}],
        "ekiden": [{"op": MADE_UP}, {"op": "subscribe", "args": [f"trade.{MADE_UP}"]}],
    }
    async with running("gateway.close_seconds=0.2") as server:
        raws = []
        for name, messages in requests.items():
            raw = await Raw.connect(server.ports[name], upgrade("/ws/public" if name == "ekiden" else "/"))
            assert b" 101 " in await raw.head()
            raws.append(raw)
            before = labels((await get(server, "/metrics"))[2].decode())
            for message in messages:
                raw.writer.write(frame(1, json.dumps(message).encode()))
            raw.writer.write(frame(9, b"done"))
            while await raw.frame() != (10, b"done"):
                pass
            after = labels((await get(server, "/metrics"))[2].decode())
            other = {line for line in after - before if '"(other)"' in line}
            assert after - before == other
            assert len(other) <= 2
        for name in DIALECTS:
            for request in (
                upgrade(f"/{MADE_UP}?stream={MADE_UP}"),
                f"{MADE_UP} /{MADE_UP} HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
            ):
                raws.append(await Raw.connect(server.ports[name], request))
                assert await raws[-1].head()
        raws[0].writer.write(frame(8, (4999).to_bytes(2, "big") + MADE_UP.encode()))
        assert await raws[0].ended()
        for path in ("/metrics", "/api/gateway"):
            assert MADE_UP not in (await get(server, path))[2].decode()
        for raw in raws:
            raw.end()


@pytest.mark.slow
async def test_the_command_line_takes_the_token_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(f"http.token={TOKEN}") as server:
        url = f"http://127.0.0.1:{server.ports['http']}"
        with pytest.raises(CallFailed, match="send the operator's token"):
            await asyncio.to_thread(call, url, "GET", "/api/accounts")
        monkeypatch.setenv("POLYFEED_HTTP__TOKEN", TOKEN)
        assert await asyncio.to_thread(call, url, "GET", "/api/accounts")


@pytest.mark.slow
async def test_accounts_that_are_opened_at_once_have_numbers_of_their_own() -> None:
    async with running() as server:
        calls = [get(server, "/api/accounts", method="POST", body={"name": f"user{number}"}) for number in range(5)]
        answers = await asyncio.gather(*calls)
        assert [status for status, _, _ in answers] == [201] * 5
        assert len({json.loads(body)["id"] for _, _, body in answers}) == 5


@pytest.mark.slow
async def test_a_wrong_method_is_told_which_are_right() -> None:
    async with running() as server:
        status, head, _ = await get(server, "/api/accounts", method="DELETE")
        assert status == 405
        assert "allow: GET, POST" in head


def test_processes_that_start_at_once_have_one_master_key(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from polyfeed.app.master_key import vault_in;"
        "print(vault_in(Path(sys.argv[1])).derive('test').hex())"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "state")], stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    assert len({process.communicate(timeout=60)[0] for process in started}) == 1
    (key,) = (tmp_path / "state").iterdir()
    assert key.stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
async def test_a_gateway_that_is_stalled_is_not_ready_and_says_why() -> None:
    async with running() as server:
        server._role.stall("no batch for 3 s")
        status, _, body = await get(server, "/readyz")
        assert (status, body) == (503, b"not ready: no batch for 3 s\n")
        with pytest.raises(CallFailed, match=r"the venue cannot be reached now$"):
            url = f"http://127.0.0.1:{server.ports['http']}"
            await asyncio.to_thread(call, url, "POST", "/api/accounts", {"name": "somebody"})
        server._role.recover()
        assert (await get(server, "/readyz"))[0] == 200
