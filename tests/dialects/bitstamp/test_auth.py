"""HMAC v2: the published vectors, every error, the hosts that clients sign for, nonces that are used once."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from polyfeed.accounts.vault import NONCE_BYTES, Vault
from polyfeed.dialects._base.rest import RestRequest
from polyfeed.dialects.bitstamp import nonces
from polyfeed.dialects.bitstamp.auth import ERRORS, signature
from polyfeed.dialects.bitstamp.nonces import Nonces
from polyfeed.model.commands import SetKey
from tests.dialects.bitstamp.desk import VenueDesk, add_user, key_of, listed
from tests.dialects.bitstamp.signing import FORM, answer, post, signed

NONCE, TIME = "f93c979d-b00d-43a9-9b9c-fd4cd9547fa6", "1567755304968"
VECTORS = [
    (b"", "", "f58263659450b1bb47cbcf6cb8e835cd26d14df648b08eda6dfaa442edc1f0b3"),
    (b"foo=bar", FORM, "749e1c42b3b8aa2d733db64ab428f190642491afca6a0f625c5e42bac5b79a1e"),
]


@pytest.fixture
def desk() -> VenueDesk:
    one = listed()
    add_user(one, 1001, "alice")
    return one


def refused(desk: VenueDesk, request: RestRequest) -> tuple[int, str, str]:
    response = desk.call(request)
    body = json.loads(response.body)
    assert body["status"] == "error"
    assert body["reason"] == ERRORS[body["code"]]
    return response.status, body["code"], body["reason"]


@pytest.mark.parametrize(("body", "content_type", "expected"), VECTORS)
def test_the_published_vectors(body: bytes, content_type: str, expected: str) -> None:
    """spec/bitstamp.md 5: POST /api/v2/websockets_token/ at www.bitstamp.net, key api_key, secret api_key_secret."""
    text = f"BITSTAMP api_keyPOSTwww.bitstamp.net/api/v2/websockets_token/{content_type}{NONCE}{TIME}v2".encode() + body
    assert signature(b"api_key_secret", text) == expected


@pytest.mark.parametrize(("body", "content_type", "expected"), VECTORS)
def test_the_published_vectors_are_accepted(body: bytes, content_type: str, expected: str) -> None:
    desk = listed()
    desk.now = int(TIME) * 1000 + 149_000_000
    add_user(desk, 1001, "alice")
    desk.do(key_of(1001, "api_key", "api_key_secret"))
    headers = {
        "host": "127.0.0.1:9002",
        "x-auth": "BITSTAMP api_key",
        "x-auth-nonce": NONCE,
        "x-auth-timestamp": TIME,
        "x-auth-version": "v2",
        "x-auth-signature": expected.upper(),
    } | ({"content-type": content_type} if content_type else {})
    desk.now = int(TIME) * 1000 + 149_000_000
    response = desk.call(RestRequest("POST", "/api/v2/websockets_token/", {}, headers, body))
    assert response.status == 200, response.body
    assert json.loads(response.body)["user_id"] == 1001


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:9002", "http://127.0.0.1:9002", "https://127.0.0.1:9002", "www.bitstamp.net"],
)
def test_the_hosts_that_clients_sign_for(desk: VenueDesk, host: str) -> None:
    assert desk.call(signed(desk, "alice", "account_balances/", signed_host=host)).status == 200


def test_another_host_is_a_wrong_signature(desk: VenueDesk) -> None:
    request = signed(desk, "alice", "account_balances/", signed_host="example.com")
    assert refused(desk, request) == (403, "API0005", "Invalid signature")


def test_a_query_is_signed_with_or_without_its_mark(desk: VenueDesk) -> None:
    for query in ("offset=1", "?offset=1"):
        assert desk.call(signed(desk, "alice", "account_balances/", query=query)).status == 200


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("x_auth", "API0012"),
        ("x_auth_signature", "API0013"),
        ("x_auth_nonce", "API0014"),
        ("x_auth_timestamp", "API0015"),
        ("x_auth_version", "API0016"),
    ],
)
def test_missing_headers(desk: VenueDesk, header: str, code: str) -> None:
    assert refused(desk, signed(desk, "alice", "account_balances/", **{header: None}))[:2] == (403, code)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"x_auth_version": "v1"}, "API0010"),
        ({"x_auth": "alice"}, "API0011"),
        ({"x_auth": "BITSTAMP \u00e9"}, "API0011"),
        ({"x_auth": "BITSTAMP nobody"}, "API0001"),
        ({"nonce": "short"}, "API0004"),
        ({"nonce": "F" * 36}, "API0004"),
        ({"timestamp": "yesterday"}, "API0018"),
        ({"timestamp": "-1"}, "API0018"),
        ({"timestamp": "1"}, "API0017"),
        ({"x_auth_signature": "0" * 64}, "API0005"),
        ({"x_auth_signature": "\u00e9"}, "API0005"),
        ({"secret": "wrong"}, "API0005"),
        ({"content_type": FORM}, "API0020"),
        ({"query": "x=" + "y" * 2000}, "API0021"),
    ],
)
def test_wrong_headers(desk: VenueDesk, changes: dict[str, str], code: str) -> None:
    assert refused(desk, signed(desk, "alice", "account_balances/", **changes))[:2] == (403, code)


def test_content_types(desk: VenueDesk) -> None:
    for content_type in ("text/plain", "multipart/form-data"):
        request = signed(desk, "alice", "account_balances/", {"foo": "bar"}, content_type=content_type)
        assert refused(desk, request)[1] == "API0019"


def test_the_time_frame(desk: VenueDesk) -> None:
    now = desk.now // 1000
    for offset, good in ((-150_000, True), (150_000, True), (-150_001, False), (150_001, False)):
        request = signed(desk, "alice", "account_balances/", timestamp=str(now + offset))
        assert (desk.call(request).status == 200) is good


def test_permissions(desk: VenueDesk) -> None:
    desk.do(key_of(1001, "reader", permissions=("read",)), key_of(1001, "trader", permissions=("trade",)))
    assert refused(desk, signed(desk, "reader", "cancel_all_orders/"))[:2] == (403, "API0003")
    assert refused(desk, signed(desk, "trader", "websockets_token/"))[:2] == (403, "API0003")
    assert desk.call(signed(desk, "reader", "websockets_token/")).status == 200


def test_keys_that_cannot_sign(desk: VenueDesk) -> None:
    """A key of another scheme, and one whose secret another venue sealed."""
    other = Vault(b"x" * 32).seal(b"s", "sealed", bytes(NONCE_BYTES))
    desk.do(SetKey(1001, "rsa", "ed25519", b"", ("read",)), SetKey(1001, "sealed", "hmac", other, ("read",)))
    for name in ("rsa", "sealed"):
        assert refused(desk, signed(desk, name, "account_balances/"))[:2] == (403, "API0008")


def test_a_call_cannot_be_sent_twice(desk: VenueDesk) -> None:
    request = signed(desk, "alice", "account_balances/")
    assert desk.call(request).status == 200
    for _ in range(3):
        desk.advance(desk.now + 149_000_000)
        assert desk.call(request).status == 403
    assert refused(desk, request)[1] == "API0017", "by now its time is over"


def test_a_nonce_is_used_up_by_its_owner_only(desk: VenueDesk) -> None:
    add_user(desk, 1002, "bob")
    nonce = "a" * 36
    assert refused(desk, signed(desk, "alice", "account_balances/", nonce=nonce, secret="guess"))[1] == "API0005"
    assert desk.call(signed(desk, "bob", "account_balances/", nonce=nonce)).status == 200
    assert desk.call(signed(desk, "alice", "account_balances/", nonce=nonce)).status == 200
    assert refused(desk, signed(desk, "alice", "account_balances/", nonce=nonce))[1] == "API0004"


def test_the_ledger_of_nonces_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it forgets early cannot come again either: its timestamp, which is signed, is refused from then on."""
    monkeypatch.setattr(nonces, "LIMIT", 3)
    ledger = Nonces(300)
    assert all(ledger.take(10 + number, str(number), 1000 + number) for number in range(5))
    assert len(ledger) == 3
    assert not ledger.take(20, "0", 1000)
    assert not ledger.take(20, "1", 1001)
    assert not ledger.take(20, "4", 1004)
    assert ledger.take(400, "5", 1005)
    assert len(ledger) == 1


def test_responses_are_signed(desk: VenueDesk) -> None:
    """X-Server-Auth-Signature over nonce, timestamp, content type and body; also of refusals and of orders."""
    for path, form in (
        ("account_balances/", {}),
        ("order_status/", {"id": "1"}),
        ("buy/btcusd/", {"amount": "1", "price": "100"}),
        ("buy/btcusd/", {"amount": "1"}),
    ):
        request = signed(desk, "alice", path, form)
        response = desk.call(request)
        text = request.headers["x-auth-nonce"] + request.headers["x-auth-timestamp"] + response.content_type
        expected = hmac.new(b"alice", text.encode() + response.body, hashlib.sha256).hexdigest()
        assert response.headers["X-Server-Auth-Signature"] == expected


def test_unknown_fields_are_ignored(desk: VenueDesk) -> None:
    assert post(desk, "alice", "websockets_token/", foo="bar")["valid_sec"] == 60
    assert answer(desk, "alice", "open_orders/all/", foo="bar").body == b"[]"
