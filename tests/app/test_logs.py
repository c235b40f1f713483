"""Nothing that clients send in confidence is in the log: tokens, signatures, queries, whatever goes wrong with them."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from polyfeed.app.logs import Formatter
from polyfeed.app.operator import Operator
from polyfeed.app.server import Server
from polyfeed.dialects.registry import DIALECTS
from polyfeed.gateway.protocol import WebSocketProtocol
from tests.app.house import get, running
from tests.e2e.raw import Raw, frame, upgrade

SECRET = "xyzzy"
"""In everything that a client sends in confidence, whatever else it is."""

TOKEN = f"operators-token-{SECRET}"
PATHS = {"kraken": "/", "bitstamp": "/", "peatio": "/", "rails": "/", "ekiden": "/ws/private"}
QUERY = f"market=BTC-USD&subscriptions=orders&stream=btcusd.trades&token={SECRET}1&signature={SECRET}2"
HEADERS = (
    f"Authorization: Bearer {SECRET}3",
    f"Cookie: session={SECRET}4",
    f"X-Api-Key: {SECRET}5",
    f"X-Api-Secret: {SECRET}6",
    f"API-Key: {SECRET}7",
    f"API-Sign: {SECRET}8",
    f"X-Auth: BITSTAMP {SECRET}9",
    f"X-Auth-Signature: {SECRET}10",
    "X-Auth-Nonce: 1b4e28ba-2fa1-41d2-883f-0016d3cca427",
    "X-Auth-Timestamp: 1800000000000",
    "X-Auth-Version: v2",
    f"X-Auth-Apikey: {SECRET}11",
)
MESSAGES = {
    "kraken": [{"event": "subscribe", "subscription": {"name": "ownTrades", "token": f"{SECRET}12"}}],
    "bitstamp": [{"event": "bts:subscribe", "data": {"channel": "private-my_orders_btcusd-1001", "auth": SECRET}}],
    "peatio": [{"jwt": f"Bearer {SECRET}.13.x"}, {"event": "subscribe", "streams": [SECRET]}],
    "rails": [{"message": "createOrder", "content": {"clientRequestId": SECRET}}],
    "ekiden": [
        {"op": "auth", "bearer": f"{SECRET}.14.x"},
        {"op": "auth_api_key", "api_key": f"{SECRET}15", "signature": f"{SECRET}16", "timestamp": 1, "nonce": SECRET},
    ],
}
CALLS = [
    ("GET", "/0/public/Time"), ("POST", "/0/private/Balance"), ("POST", "/api/v2/balance/"),
    ("POST", "/api/v2/websockets_token/"), ("POST", "/api/v1/token"), ("GET", "/api/v1/open-orders"),
    ("POST", "/api/v1/order/place"), ("GET", "/api/v1/user/orders"), ("GET", "/api/ranger/v2"),
    ("GET", "/api/accounts"), ("POST", "/api/accounts"), ("POST", "/api/orders"), ("GET", "/metrics"),
]  # fmt: skip
BAD = [
    f"{SECRET} is no request\r\n\r\n".encode(),
    b"\x16\x03\x01\x02\x00" + SECRET.encode() + b"\r\n\r\n",
    f"GET /?token={SECRET} HTTP/9.9\r\n\r\n".encode(),
    f"GET /?token={SECRET} HTTP/1.1\r\nHost: x\r\nAuthorization {SECRET}\r\n\r\n".encode(),
    f"GET /?token={SECRET} HTTP/1.1\r\nHost: x\r\nAuthorization: \x00{SECRET}\r\n\r\n".encode(),
    f"POST /?token={SECRET} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n".encode(),
    f"POST /?token={SECRET} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n".encode(),
    f"GET /?token={SECRET} HTTP/1.1\r\nHost: x\r\nX: {SECRET * 9000}\r\n\r\n".encode(),
    upgrade(f"/{SECRET}?token={SECRET}"),
    upgrade(f"/?token={SECRET}").replace(b"Version: 13", b"Version: 8"),
    upgrade(f"/?token={SECRET}", f"Sec-WebSocket-Extensions: {SECRET};;\r\n"),
    upgrade(f"/?token={SECRET}", f"Origin: https://{SECRET}.example\r\nOrigin: {SECRET}\r\n"),
    upgrade(f"/?token={SECRET}", f"Sec-WebSocket-Protocol: authorization#{SECRET}\r\n").replace(b"dGhlI", b"xyzzy"),
    upgrade(f"/?token=%ff%{SECRET}") + frame(1, SECRET.encode()),
]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that any logger says, at any level, as the server's own handler writes it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Formatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(level)
    root.removeHandler(handler)


async def converse(server: Server, name: str) -> None:
    """A connection of a dialect, as far as it comes, with everything that may be a secret; then frames that break."""
    text = f"{'x' * 600} {SECRET}".encode()
    for last in (frame(1, text), frame(1, text, masked=False), frame(1, b"\xff" + text), frame(8, b"\x03\xed" + text)):
        path = f"{PATHS[name]}?{QUERY}"
        raw = await Raw.connect(server.ports[name], upgrade(path, "".join(f"{line}\r\n" for line in HEADERS)))
        for message in MESSAGES[name]:
            raw.writer.write(frame(1, json.dumps(message).encode()))
        raw.writer.write(frame(9, SECRET.encode()) + last + frame(8, b"\x03\xe8" + SECRET.encode()))
        assert await raw.ended()
        raw.end()


async def call_all(server: Server) -> list[int]:
    """Every kind of call on every port; the statuses."""
    statuses = []
    for port in server.ports.values():
        for method, path in CALLS:
            body = {"token": SECRET, "secret": SECRET}
            raw = await Raw.connect(port, call_of(method, f"{path}?{QUERY}", json.dumps(body).encode()))
            statuses.append(int((await raw.head()).split(b" ")[1]))
            raw.end()
    return statuses


def call_of(method: str, path: str, body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *HEADERS]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def break_in(server: Server) -> None:
    for port in server.ports.values():
        for request in BAD:
            raw = await Raw.connect(port, request)
            raw.writer.write_eof()
            assert await raw.ended()
            raw.end()


def check(log: io.StringIO, said: dict[str, int]) -> None:
    """That the log has these texts so often at least, and nothing that was a secret."""
    text = log.getvalue()
    for part, count in said.items():
        assert text.count(part) >= count, f"{part!r} is {text.count(part)} times in {text}"
    assert SECRET not in text
    assert "token=" not in text
    assert "stream=" not in text


@pytest.mark.slow
async def test_what_clients_send_is_not_logged(log: io.StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    async with running(f"http.token={TOKEN}", "gateway.close_seconds=0.2", "log.level=debug") as server:
        for name in DIALECTS:
            await converse(server, name)
        assert {200, 401, 404} <= set(await call_all(server))
        await break_in(server)
        for path in ("/api/accounts", "/metrics", f"/nowhere?token={TOKEN}"):
            await get(server, path, f"Authorization: Bearer {TOKEN}")
    check(log, {"400 this is no HTTP request": 10})
    assert "Traceback" not in log.getvalue()
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.slow
async def test_tokens_and_keys_that_count_are_not_logged(log: io.StringIO) -> None:
    """An account with a key that is not known to everybody: its secret, and the tokens that it gets."""
    operator = f"Authorization: Bearer {TOKEN}"
    async with running(f"http.token={TOKEN}", "log.level=debug") as server:

        async def made(path: str, body: object) -> dict[str, str]:
            status, _, reply = await get(server, path, operator, method="POST", body=body)
            assert status in (200, 201), reply
            return dict(json.loads(reply))

        number = (await made("/api/accounts", {"name": "carol"}))["id"]
        key = await made(f"/api/accounts/{number}/keys", {})
        public = Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()
        await made(f"/api/accounts/{number}/keys", {"scheme": "ed25519", "public_key": public})
        tokens = [
            (await made(f"/api/accounts/{number}/tokens", {"dialect": name}))["token"]
            for name in ("bitstamp", "peatio", "rails", "ekiden")
        ]
        bitstamp, peatio, rails, ekiden = tokens
        channel = {"channel": f"private-my_orders_btcusd-{number}", "auth": bitstamp}
        said = {
            "bitstamp": ("/", "", {"event": "bts:subscribe", "data": channel}, "subscription_succeeded"),
            "peatio": ("/private", f"Authorization: Bearer {peatio}\r\n", {"event": "subscribe", "streams": ["order"]}, "subscribed"),
            "rails": (f"/?market=BTC-USD&subscriptions=orders&token={rails}", f"Sec-WebSocket-Protocol: authorization#{rails}\r\n", {"message": "ping", "content": {}}, "pong"),
            "ekiden": ("/ws/private", "", {"op": "auth", "bearer": ekiden}, '"success":true'),
        }  # fmt: skip
        for name, (path, extra, message, answer) in said.items():
            raw = await Raw.connect(server.ports[name], upgrade(path, extra))
            assert b" 101 " in await raw.head()
            raw.writer.write(frame(1, json.dumps(message).encode()))
            while answer not in (await raw.frame())[1].decode():
                pass
            raw.end()
    check(log, {})
    for secret in (key["secret"], *tokens):
        assert len(secret) > 15
        assert secret not in log.getvalue()


@pytest.mark.slow
async def test_faults_of_ours_do_not_repeat_what_caused_them(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Sessions, handshakes, calls and the protocol itself fail with what they were given in the words."""

    def fail(*given: object) -> None:
        try:
            raise KeyError(QUERY, given)
        except KeyError as error:
            raise ValueError(QUERY, given) from error

    message = frame(1, f'"{SECRET}"'.encode())
    async with running("gateway.close_seconds=0.2", "log.level=debug") as server:
        for name, fan in server.fans.items():
            if name in ("kraken", "bitstamp", "peatio", "ekiden"):
                raw = await Raw.connect(server.ports[name], upgrade(f"{PATHS[name]}?{QUERY}"))
                assert b" 101 " in await raw.head()
                session = next(iter(fan.connections)).session
                with monkeypatch.context() as patch:
                    patch.setattr(type(session), "receive", fail)
                    raw.writer.write(message)
                    assert await raw.close_code() == (1011, "internal error")
                raw.end()
            with monkeypatch.context() as patch:
                patch.setattr(fan.dialect, "connect", fail)
                patch.setattr(fan.dialect, "rest", fail)
                raw = await Raw.connect(server.ports[name], upgrade(f"/?{QUERY}", f"Cookie: {SECRET}\r\n"))
                assert b" 500 " in await raw.head()
                raw.end()
                raw = await Raw.connect(server.ports[name], call_of("POST", f"/api?{QUERY}", SECRET.encode()))
                assert b" 500 " in await raw.head()
                raw.end()
        with monkeypatch.context() as patch:
            patch.setattr(Operator, "_answer", fail)
            status, _, _ = await get(server, f"/api/accounts?token={SECRET}")
            assert status == 500
        raw = await Raw.connect(server.ports["kraken"], upgrade(f"/?{QUERY}"))
        assert b" 101 " in await raw.head()
        with monkeypatch.context() as patch:
            patch.setattr(WebSocketProtocol, "_message", fail)
            raw.writer.write(message)
            assert await raw.ended()
        raw.end()
        await forgotten(fail)
    faults = {"a session failed": 4, "a handshake failed": 5, "a REST call failed": 5, "a call failed": 1}
    check(log, faults | {"data_received() call failed": 1, "was never retrieved": 1, "builtins.ValueError\n": 16})
    assert SECRET not in "".join(capfd.readouterr())


async def forgotten(fail: object) -> None:
    """A task that fails with nobody to hear of it: asyncio says so, and shows it."""

    async def work() -> None:
        assert callable(fail)
        fail(SECRET)

    task = asyncio.create_task(work())
    await asyncio.wait({task})
    del task


def test_an_operating_systems_reason_is_told() -> None:
    try:
        try:
            raise ValueError(SECRET)
        except ValueError as error:
            raise ExceptionGroup(SECRET, [error, OSError(28, "No space left on device")]) from error
    except ExceptionGroup as error:
        record = logging.LogRecord("polyfeed", logging.ERROR, "", 0, "it fails", (), (type(error), error, None))
        record.exc_text = f"as another handler wrote it: {SECRET}"
    text = Formatter("worker 3").format(record)
    assert "ERROR   worker 3 polyfeed: it fails\nTraceback" in text
    assert "builtins.OSError: No space left on device" in text
    assert text.count("builtins.ValueError") == 1
    assert "test_logs.py" in text
    assert SECRET not in text
