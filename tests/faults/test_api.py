"""Faults through the operator's port: the REST calls and `polyfeed fault`."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from websockets.sync.client import connect

from polyfeed.app import cli
from polyfeed.app.cli import main
from polyfeed.app.config import load
from polyfeed.testing.venue import Polyfeed

pytestmark = pytest.mark.polyfeed(agents=0)

BOOK = {"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "book", "depth": 10}}


def call(venue: Polyfeed, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(venue.http_url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_connections_and_faults(polyfeed: Polyfeed) -> None:
    with connect(polyfeed.kraken.ws_url, ping_interval=None) as socket:
        number = json.loads(socket.recv(10))["connectionID"]
        socket.send(json.dumps(BOOK))
        polyfeed.wait(lambda: polyfeed.connections("kraken")[0].subscriptions)
        (one,) = call(polyfeed, "GET", "/api/connections")[1]
        assert one == {
            "id": str(number), "dialect": "kraken", "account": 0, "subscriptions": ["book-10 BTC-USD"],
            "waiting_bytes": 0, "closing": False,
        }  # fmt: skip
        status, made = call(
            polyfeed, "POST", "/api/faults", {"dialect": "kraken", "kind": "drop", "connection": one["id"], "count": 2}
        )
        assert status == 201
        assert made == {
            "id": 1, "dialect": "kraken", "connection": one["id"], "kind": "drop", "seconds": None, "ms": None,
            "count": 2, "connections": [one["id"]], "hits": 0,
        }  # fmt: skip
        polyfeed.place("BTC-USD", "buy", price="40000", size="1")
        polyfeed.wait(lambda: polyfeed.faults()[0].hits == 1)
        assert call(polyfeed, "GET", "/api/faults") == (200, [{**made, "hits": 1}])
        assert call(polyfeed, "DELETE", "/api/faults/1") == (200, [])
        assert call(polyfeed, "DELETE", "/api/faults/1")[0] == 404
        assert call(polyfeed, "POST", "/api/faults", {"dialect": "all", "kind": "silence", "seconds": 60})[0] == 201
        polyfeed.place("BTC-USD", "buy", price="39000", size="1")
        polyfeed.wait(lambda: polyfeed.connections("kraken")[0].waiting_bytes > 0)
        assert [one["kind"] for one in call(polyfeed, "DELETE", "/api/faults")[1]] == ["silence"]


def test_private_subscriptions_name_their_account(polyfeed: Polyfeed) -> None:
    user = polyfeed.user("demo")
    url = f"{polyfeed.peatio.ws_url}/private?stream=order"
    with connect(url, additional_headers={"Authorization": f"Bearer {user.token('peatio')}"}):
        one = polyfeed.wait(lambda: polyfeed.connections("peatio"))[0]
    assert (one.account, one.subscriptions) == (user.account, ["order"])


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"dialect": "kraken", "kind": "drop"}, 409, "no open connection of kraken: there is none"),
        ({"dialect": "all", "kind": "drop"}, 409, "there is none"),
        ({"dialect": "kraken", "kind": "drop", "connection": "x"}, 400, "'x' is no connection"),
        ({"dialect": "kraken", "kind": "drop", "seconds": 3}, 400, "drop takes count, not seconds"),
        ({"dialect": "kraken", "kind": "delay"}, 400, "delay takes ms"),
        ({"dialect": "kraken", "kind": "delay", "ms": 0}, 400, "$.ms"),
        ({"dialect": "kraken", "kind": "explode"}, 400, "$.kind"),
        ({"dialect": "binance", "kind": "drop"}, 400, "$.dialect"),
        ({"kind": "drop"}, 400, "dialect"),
        ({"dialect": "kraken", "kind": "drop", "what": 1}, 400, "what"),
    ],
)
def test_what_does_not_fit_is_refused(polyfeed: Polyfeed, body: dict[str, Any], status: int, says: str) -> None:
    got, problem = call(polyfeed, "POST", "/api/faults", body)
    assert got == status, problem
    assert says in problem["error"]


@pytest.mark.polyfeed(agents=0, settings=["http.faults=false"])
def test_faults_are_off_unless_they_are_turned_on(polyfeed: Polyfeed) -> None:
    body = {"dialect": "kraken", "kind": "drop"}
    for method, path in (("GET", "/api/faults"), ("POST", "/api/faults"), ("DELETE", "/api/faults")):
        status, problem = call(polyfeed, method, path, body if method == "POST" else None)
        assert status == 403
        assert "http.faults=true" in problem["error"]
    assert call(polyfeed, "GET", "/api/connections") == (200, [])
    assert load(None, {}, []).http.faults is False


@pytest.mark.slow
@pytest.mark.polyfeed(agents=0, settings=["server.workers=1"])
def test_connections_of_workers_are_out_of_reach(polyfeed: Polyfeed) -> None:
    for path in ("/api/faults", "/api/connections"):
        status, problem = call(polyfeed, "GET", path)
        assert status == 409
        assert "without --workers" in problem["error"]


def test_a_web_page_may_not_do_faults(polyfeed: Polyfeed) -> None:
    body = {"dialect": "kraken", "kind": "drop"}
    assert call(polyfeed, "POST", "/api/faults", body, Origin="http://evil.example")[0] == 403


def test_the_document_says_what_a_form_needs(polyfeed: Polyfeed) -> None:
    document = call(polyfeed, "GET", "/openapi.json")[1]
    fields = document["components"]["schemas"]["NewFault"]["properties"]
    assert set(fields["dialect"]["enum"]) == {"all", *polyfeed.ports}
    assert set(fields["kind"]["enum"]) >= {"drop", "checksum", "silence"}
    assert set(fields) == {"dialect", "kind", "connection", "seconds", "ms", "count"}
    assert set(document["paths"]["/api/faults"]) == {"get", "post", "delete"}


def test_the_command_line(polyfeed: Polyfeed, capsys: pytest.CaptureFixture[str]) -> None:
    url = ["--url", polyfeed.http_url]
    with connect(polyfeed.kraken.ws_url, ping_interval=None):
        polyfeed.wait(lambda: polyfeed.connections("kraken"))
        number = polyfeed.connections("kraken")[0].id
        assert main(["fault", "add", "kraken", "delay", "--ms", "5", "--connection", number, *url]) == 0
        assert capsys.readouterr().out == f"fault 1 delay, done to {number}\n"
        assert main(["fault", "list", *url]) == 0
        assert number in capsys.readouterr().out
        assert main(["fault", "list", "--connections", *url]) == 0
        assert "kraken" in capsys.readouterr().out
        assert main(["fault", "clear", "1", *url]) == 0
        assert main(["fault", "clear", *url]) == 0
        assert capsys.readouterr().out == "fault 1 has ended\nall faults have ended\n"
        assert main(["fault", "clear", "1", *url]) == 1
        assert "no fault 1 is in force" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["fault", "add", "--help"])
    assert ended.value.code == 0
    assert "example: polyfeed fault add kraken checksum" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "on"),
    [
        (["--demo"], True),
        ([], False),
        (["--demo", "--set", "http.faults=false"], False),
        (["--set", "http.faults=true"], True),
    ],
)
def test_the_demo_turns_faults_on(words: list[str], on: bool) -> None:
    assert cli._load(cli.parser().parse_args(["serve", *words])).http.faults is on
