"""The native API over a running demo: its document, its rules, and a user who trades."""

from __future__ import annotations

import base64
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.app.test_process import WAIT, Process, run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("process")]


class Api:
    """Calls with a key, or without one."""

    def __init__(self, url: str, key: str = "") -> None:
        self.url = url
        self.key = key

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        if self.key:
            headers["Authorization"] = "Basic " + base64.b64encode(self.key.encode()).decode()
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=WAIT) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    process = Process(
        "serve", "--demo", *("--set", "flow.capture=off"), *("--set", "flow.agents=0"),
        *("--set", "http.names=other.example venue.internal"),
    )  # fmt: skip
    yield f"http://127.0.0.1:{process.port('http')}"
    process.end()


def test_the_document_describes_every_endpoint_and_is_whole(url: str) -> None:
    status, document = Api(url)("GET", "/openapi.json")
    assert status == 200
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]["/api/orders"]) == {"get", "post", "delete"}
    text = json.dumps(document)
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in document["components"]["schemas"], name
    ids = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(ids) == len(set(ids))


def test_a_user_trades_with_another(url: str) -> None:
    alice, bob = Api(url, "demo:demo"), Api(url, "demo2:demo2")
    before = {one["currency"]: one for one in alice("GET", "/api/balances")[1]}
    status, placed = alice(
        "POST",
        "/api/orders",
        {"instrument": "BTC-USD", "side": "sell", "price": "60000", "size": "1", "client_id": "mine"},
    )
    assert status == 201
    held = {one["currency"]: one for one in alice("GET", "/api/balances")[1]}["BTC"]["held"]
    assert held == "1.00000000"
    (order,) = alice("GET", "/api/orders?instrument=BTC-USD")[1]
    assert (order["client_id"], order["left"], order["status"]) == ("mine", "1.00000000", "open")
    assert alice("PATCH", f"/api/orders/{placed['order_id']}", {"size": "0.5"})[0] == 200
    status, _ = bob("POST", "/api/orders", {"instrument": "BTC-USD", "side": "buy", "type": "market", "size": "0.2"})
    assert status == 201
    (fill,) = alice("GET", "/api/fills")[1]
    # 0.2 * 60000 = 12000; the maker's fee is 0.16 % of it.
    assert (fill["price"], fill["size"], fill["value"], fill["fee"], fill["liquidity"]) == (
        "60000.00000",
        "0.20000000",
        "12000.00000000",
        "19.20000000",
        "maker",
    )
    assert alice("GET", f"/api/orders/{placed['order_id']}")[1]["left"] == "0.30000000"
    assert alice("DELETE", f"/api/orders/{placed['order_id']}")[0] == 200
    assert alice("GET", "/api/orders")[1] == []
    after = {one["currency"]: one for one in alice("GET", "/api/balances")[1]}
    assert float(before["BTC"]["total"]) - float(after["BTC"]["total"]) == pytest.approx(0.2)
    assert after["BTC"]["held"] == "0.00000000"


@pytest.mark.parametrize(
    ("key", "method", "path", "body", "status", "says"),
    [
        ("", "GET", "/api/orders", None, 401, "HTTP Basic"),
        ("demo:wrong", "GET", "/api/orders", None, 401, "no such key"),
        ("nobody:x", "GET", "/api/orders", None, 401, "no such key"),
        ("demo:demo", "GET", "/api/orders/17", None, 404, "no open order 17"),
        ("demo:demo", "GET", "/api/orders/" + "9" * 5000, None, 404, "no open order 999"),
        ("", "POST", "/api/accounts/" + "9" * 5000 + "/keys", {}, 404, "no account '999"),
        ("demo:demo", "GET", "/api/nothing", None, 404, "/openapi.json"),
        ("demo:demo", "PUT", "/api/orders", {}, 405, "there are POST, GET, DELETE"),
        ("demo:demo", "POST", "/api/orders", {"side": "buy"}, 400, "missing required field `instrument`"),
        ("demo:demo", "POST", "/api/orders", {"instrument": "BTC-USD", "side": "up"}, 400, "Invalid enum value 'up'"),
        ("demo:demo", "POST", "/api/orders", {"instrument": "BTC-USD", "side": "buy", "sise": "1"}, 400, "sise"),
        ("demo:demo", "POST", "/api/orders", {"instrument": "X", "side": "buy"}, 404, "no instrument 'X'"),
        ("demo:demo", "POST", "/api/orders", {"instrument": "BTC-USD", "side": "buy", "size": "1e9"}, 400, "size: '1e9'"),
        ("demo:demo", "POST", "/api/orders", {"instrument": "BTC-USD", "side": "buy", "size": "1", "price": "0.01"}, 409, "tick"),
        ("demo:demo", "POST", "/api/orders", {"instrument": "BTC-USD", "side": "sell", "size": "9999999", "price": "9"}, 409, "insufficient funds"),
        ("demo:demo", "POST", "/api/orders", {"instrument": "BTC-USD", "side": "buy", "size": "1"}, 400, "price: missing; type limit needs it"),
        ("demo:demo", "POST", "/api/orders", {"instrument": "BTC-USD", "side": "buy", "price": "9"}, 400, "size: missing; type limit needs it"),
        ("demo:demo", "POST", "/api/orders", {"instrument": "BTC-USD", "side": "buy", "type": "instant"}, 400, "amount: missing; type instant"),
        ("demo:demo", "POST", "/api/orders", {"instrument": "BTC-USD", "side": "buy", "size": "1", "price": "9", "trigger": "stop_loss"}, 400, "trigger_price: missing; trigger stop_loss"),
        ("demo:demo", "POST", "/api/orders", {"instrument": "BTC-USD", "side": "buy", "size": "1", "price": "9", "time_in_force": "gtd"}, 400, "expire_at: missing; time_in_force gtd"),
        ("demo:demo", "POST", "/api/orders", b"{", 400, "does not fit"),
        ("demo:demo", "POST", "/api/orders", b"x" * 70_000, 413, "too large"),
        ("", "POST", "/api/accounts/nobody/keys", {}, 404, "no account 'nobody'"),
        ("", "POST", "/api/accounts", {"name": "1001"}, 400, "taken for a number"),
        ("", "POST", "/api/accounts/alice/transfers", {"currency": "USD", "amount": "1.123456789"}, 400, "8 decimals"),
    ],
)  # fmt: skip
def test_errors_say_what_was_wrong(
    url: str, key: str, method: str, path: str, body: Any, status: int, says: str
) -> None:
    got, problem = Api(url, key)(method, path, body)
    assert got == status, problem
    assert says in problem["error"]


@pytest.mark.parametrize("header", ["Basic \xe9", "Basic 4A==", "Basic", "Bearer x", "Basic " + "x" * 9000])
def test_a_header_that_proves_nothing_is_refused(url: str, header: str) -> None:
    status, problem = Api(url)("GET", "/api/orders", Authorization=header)
    assert (status, problem["error"]) == (401, "send HTTP Basic authentication with a key's id and secret")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 403),
        ("evil.example:9000", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost", 200),
        ("LOCALHOST:9000", 200),
        ("[::1]:9000", 200),
        ("10.1.2.3", 200),
        ("venue.internal:9000", 200),
    ],
)
def test_a_page_whose_name_points_here_is_no_operator(url: str, host: str, status: int) -> None:
    got, problem = Api(url)("GET", "/api/accounts", Host=host)
    assert got == status, problem
    assert Api(url)("GET", "/api/instruments", Host=host)[0] == 200


def test_any_name_can_be_part_of_a_path(url: str) -> None:
    name = "a/b 100%25?é"
    assert run("account", "create", name, "--url", url).returncode == 0
    assert "7.00000000" in run("account", "fund", name, "USD", "7", "--url", url).stdout


def test_accounts_from_the_command_line(url: str) -> None:
    assert run("account", "create", "carol", "--url", url).stdout == "account 1004 carol\n"
    assert "there is an account 'carol'" in run("account", "create", "carol", "--url", url).stderr
    assert "2500.00000000" in run("account", "fund", "carol", "USD", "2500", "--url", url).stdout
    made = run("account", "key", "carol", "--read-only", "--url", url).stdout.split()
    key, secret = made[1], made[3]
    carol = Api(url, f"{key}:{secret}")
    assert carol("GET", "/api/balances")[1][0]["total"] == "2500.00000000"
    status, problem = carol("POST", "/api/orders", {"instrument": "BTC-USD", "side": "buy", "size": "1", "price": "1"})
    assert (status, problem["error"]) == (403, f"key {key} may read, not trade")
    assert key in run("account", "list", "--url", url).stdout
    assert run("account", "revoke", "carol", key, "--url", url).returncode == 0
    assert carol("GET", "/api/balances")[0] == 401
    assert Api(url)("POST", "/api/accounts", {"name": "dave"}, Origin="http://evil.example")[0] == 403


def get(url: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url + path, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=WAIT) as response:
            return response.status, {name.lower(): text for name, text in response.headers.items()}, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {}, error.read()


def test_the_console_is_there_for_browsers_and_may_talk_to_nobody_else(url: str) -> None:
    assert get(url, "/")[2].startswith(b"polyfeed\n")
    status, headers, page = get(url, "/", Accept="text/html,*/*")
    assert (status, headers["content-type"], headers["cache-control"]) == (200, "text/html; charset=utf-8", "no-cache")
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    ports = {one["port"] for one in Api(url)("GET", "/api/directory")[1]["dialects"]}
    own = {"'self'", *(f"{scheme}://127.0.0.1:{port}" for port in ports for scheme in ("ws", "wss", "http"))}
    assert set(policy["connect-src"].split()) == own
    assets = re.findall(rb'(?:href|src)="(/[^"]+)"', page)
    assert len(assets) >= 3
    for asset in assets:
        status, headers, _ = get(url, asset.decode())
        assert status == 200, asset
        if asset.startswith(b"/assets/"):
            assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert get(url, "/", Accept="text/html", Host="evil.example")[0] == 403
    assert get(url, "/assets/../index.html")[0] == 404
    assert get(url, "/assets/%2e%2e/index.html")[0] == 404
    assert b"Apache License" in get(url, "/licences.txt")[2]


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://{host}", 200),
        ("http://evil.example", 403),
        ("http://{host}.evil.example", 403),
        ("http://127.0.0.1:1", 403),
        ("null", 403),
    ],
)
def test_the_console_may_change_the_venue_and_no_other_page(url: str, origin: str, status: int) -> None:
    host = url.removeprefix("http://")
    headers = {"Origin": origin.format(host=host)}
    assert Api(url)("POST", "/api/flow", {}, **headers)[0] == status
    assert Api(url, "demo:demo")("DELETE", "/api/orders", **headers)[0] == status
    # A name that was made to point here is its browser's own origin, and still not ours.
    assert Api(url)("POST", "/api/flow", {}, Origin="http://evil.example", Host="evil.example")[0] == 403
    assert Api(url, "demo:demo")("DELETE", "/api/orders", Origin="http://evil.example", Host="evil.example")[0] == 403


def test_the_flow_is_paused_stepped_and_changed_in_speed(url: str) -> None:
    api = Api(url)
    assert api("GET", "/api/flow")[1] == {"speed": 1.0, "paused": False, "sources": 1}
    assert api("POST", "/api/flow/step", {})[1]["error"] == "the flow runs by itself: pause it before you step it"
    assert api("POST", "/api/flow", {"speed": 2, "paused": True})[1] == {"speed": 2.0, "paused": True, "sources": 1}
    assert api("POST", "/api/flow/step", {"milliseconds": 50})[0] == 200
    assert api("POST", "/api/flow/step", {"milliseconds": 0})[0] == 400
    assert api("POST", "/api/flow", {"speed": 1000})[0] == 400
    assert api("POST", "/api/flow", {"speed": 1, "paused": False})[1]["paused"] is False


def test_the_directory_names_the_users_of_the_demo(url: str) -> None:
    directory = Api(url)("GET", "/api/directory")[1]
    assert directory["demo"] is True
    assert directory["users"] == [
        {"account": "alice", "key": "demo", "secret": "demo"},
        {"account": "bob", "key": "demo2", "secret": "demo2"},
    ]


def test_what_the_ports_carry_is_counted(url: str) -> None:
    where = {one["name"]: one["port"] for one in Api(url)("GET", "/api/directory")[1]["dialects"]}
    assert set(where) == {"kraken", "bitstamp", "peatio", "rails", "ekiden"}
    with connect(f"ws://127.0.0.1:{where['kraken']}/") as socket:
        socket.send(json.dumps({"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "trade"}}))
        while "subscribed" not in str(socket.recv(WAIT)):
            pass
        alice, bob = Api(url, "demo:demo"), Api(url, "demo2:demo2")
        order = {"instrument": "BTC-USD", "price": "55000", "size": "0.01"}
        assert alice("POST", "/api/orders", order | {"side": "sell"})[0] == 201
        assert bob("POST", "/api/orders", order | {"side": "buy"})[0] == 201
        while '"trade"' not in str(socket.recv(WAIT)):
            pass
        state = Api(url)("GET", "/api/gateway")[1]
        kraken = next(one for one in state["dialects"] if one["name"] == "kraken")
        assert (kraken["connections"], kraken["slow"], kraken["frames"]) == (1, 0, 1)
        assert kraken["channels"] == [{"channel": "trade", "feeds": 1, "subscriptions": 1}]
        delivery = kraken["delivery"]
        assert sum(delivery["counts"]) == 1
        assert len(delivery["counts"]) == len(delivery["bounds_us"]) + 1
    with pytest.raises(InvalidStatus):
        connect(f"ws://127.0.0.1:{where['rails']}/?market=BTC-USD")
    rails = next(one for one in Api(url)("GET", "/api/gateway")[1]["dialects"] if one["name"] == "rails")
    assert rails["refused"] == {"401": 1}


def test_positions_are_told(url: str) -> None:
    alice, bob = Api(url, "demo:demo"), Api(url, "demo2:demo2")
    order = {"instrument": "BTC-USD-PERP", "price": "58000", "size": "0.01"}
    assert alice("POST", "/api/orders", order | {"side": "sell"})[0] == 201
    assert bob("POST", "/api/orders", order | {"side": "buy"})[0] == 201
    (short,) = alice("GET", "/api/positions")[1]
    (long,) = bob("GET", "/api/positions")[1]
    assert (short["instrument"], short["size"], short["mode"]) == ("BTC-USD-PERP", "-" + long["size"], "cross")
    assert float(long["entry_price"]) == 58000


def test_the_wires_stream_begins_and_ends_with_the_client(url: str) -> None:
    assert get(url, "/api/wire?instrument=X")[0] == 404
    assert get(url, "/api/wire?instrument=BTC-USD", Host="evil.example")[0] == 403
    with urllib.request.urlopen(url + "/api/wire?instrument=BTC-USD", timeout=WAIT) as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        assert stream.readline() == b": batches\n"
        order = {"instrument": "BTC-USD", "side": "buy", "price": "10", "size": "1"}
        assert Api(url, "demo:demo")("POST", "/api/orders", order)[0] == 201
        line = b""
        while not line.startswith(b"data: "):
            line = stream.readline()
        assert json.loads(line[6:])["events"][0]["event"] == "order_opened"
    assert Api(url, "demo:demo")("DELETE", "/api/orders")[0] == 200
