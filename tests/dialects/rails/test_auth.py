"""Tokens: what they say, and which are taken."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from polyfeed.dialects._base.dialect import Peer
from polyfeed.dialects._base.rest import RestResponse
from polyfeed.dialects._base.session import Session
from polyfeed.model.commands import RevokeKey
from tests.dialects.rails.rig import START, VAULT, Client, Rig

KEY = VAULT.derive("rails tokens")


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def read(token: str) -> tuple[Any, Any]:
    head, payload, _ = token.split(".")
    return tuple(json.loads(base64.urlsafe_b64decode(text + "==")) for text in (head, payload))  # type: ignore[return-value]


def signed(head: Any, claims: Any, key: bytes = KEY) -> str:
    """A token made with no code of the dialect's."""
    body = f"{part(head)}.{part(claims)}"
    return f"{body}.{base64.urlsafe_b64encode(hmac.digest(key, body.encode(), hashlib.sha256)).rstrip(b'=').decode()}"


@pytest.fixture
def rig() -> Rig:
    return Rig("BTC-USD")


def test_the_claims_of_a_token(rig: Rig) -> None:
    head, claims = read(rig.token())
    assert head == {"alg": "HS256", "typ": "JWT"}
    seconds = START // 1_000_000
    assert claims == {
        "iss": "staging.fungible.xyz",
        "sub": claims["sub"],
        "aud": ["staging-app.fungible.xyz"],
        "iat": seconds,
        "exp": seconds + 1800,
        "accountType": "test",
        "keyId": "demo",
    }
    assert read(rig.token(1002))[1]["sub"] != claims["sub"]


def test_a_token_made_by_hand_is_taken(rig: Rig) -> None:
    assert isinstance(rig.connect(token=signed(*read(rig.token()))), Client)


@pytest.mark.parametrize(
    ("head", "changes", "key"),
    [
        ({}, {}, b"another key"),
        ({"alg": "none"}, {}, KEY),
        ({"alg": "HS512"}, {}, KEY),
        ({}, {"exp": START // 1_000_000}, KEY),
        ({}, {"aud": ["elsewhere"]}, KEY),
        ({}, {"aud": "staging-app.fungible.xyz"}, KEY),
        ({}, {"keyId": "nobody"}, KEY),
        ({}, {"keyId": "demo2"}, KEY),
        ({}, {"sub": "d13b530f-af73-40f9-8f8e-ed795957a57f"}, KEY),
        ({}, {"sub": None}, KEY),
    ],
)
def test_a_token_that_is_wrong_in_anything_is_refused(
    rig: Rig, head: dict[str, Any], changes: dict[str, Any], key: bytes
) -> None:
    good_head, claims = read(rig.token())
    answer = rig.connect(token=signed({**good_head, **head}, {**claims, **changes}, key))
    assert isinstance(answer, RestResponse)
    assert answer.status == 401


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "\u00e9.b.c", "=.=.=", "a" * 5000])
def test_what_is_no_token(rig: Rig, token: str) -> None:
    answer = rig.connect(token=token)
    assert isinstance(answer, RestResponse)
    assert answer.status == 401


def test_a_token_ends_after_half_an_hour_and_with_its_key(rig: Rig) -> None:
    token = rig.token()
    rig.now += 1_799_000_000
    assert isinstance(rig.connect(token=token), Client)
    rig.now += 1_000_000
    assert isinstance(rig.connect(token=token), RestResponse)
    fresh = rig.new_token()
    rig.command(RevokeKey(1001, "demo"))
    assert isinstance(rig.connect(token=fresh), RestResponse)


@pytest.mark.parametrize(("path", "found"), [("", True), ("/", True), ("/ws", False), ("/api/v1/markets", False)])
def test_sockets_are_at_the_root(rig: Rig, path: str, found: bool) -> None:
    offered = {"sec-websocket-protocol": f"authorization#{rig.token()}"}
    answer = rig.dialect.connect(rig.now, Peer(1, path, {"market": ["BTC-USD"]}, offered))
    assert isinstance(answer, Session) is found
    assert found or (isinstance(answer, RestResponse) and answer.status == 404)


def test_a_read_only_key_has_rest_and_no_socket(rig: Rig) -> None:
    rig.set_key(1001, "reader", "read")
    headers = {"x-api-key": "reader", "x-api-secret": "reader"}
    token = json.loads(rig.rest("POST", "/api/v1/token", headers).body)["access_token"]
    answer = rig.connect(token=token)
    assert isinstance(answer, RestResponse)
    assert answer.status == 403
    bearer = {"authorization": f"bearer {token}"}
    assert rig.rest("GET", "/api/v1/balances", bearer).status == 200
    assert rig.rest("DELETE", "/api/v1/orders", bearer, market="all").status == 403


@pytest.mark.parametrize(("key", "secret"), [("demo", "wrong"), ("nobody", "demo"), ("", ""), ("demo", "\u00e9")])
def test_no_token_without_the_secret(rig: Rig, key: str, secret: str) -> None:
    assert rig.rest("POST", "/api/v1/token", {"x-api-key": key, "x-api-secret": secret}).status == 401


def test_whoever_runs_the_venue_gets_a_token_for_an_account(rig: Rig) -> None:
    account = rig.accounts.get(1002)
    assert account is not None
    token = rig.dialect.token(rig.now, account)
    assert token is not None
    assert read(token)[1]["keyId"] == "demo2"
    assert isinstance(rig.connect(1002, token=token), Client)
    rig.command(RevokeKey(1002, "demo2"))
    assert rig.dialect.token(rig.now, account) is None


def test_twenty_tokens_a_minute() -> None:
    rig = Rig("BTC-USD", accounts={1001: ""})
    headers = {"x-api-key": "demo", "x-api-secret": "demo"}
    statuses = [rig.rest("POST", "/api/v1/token", headers).status for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    rig.now += 60_000_000
    assert rig.rest("POST", "/api/v1/token", headers).status == 200


def test_the_token_may_be_one_of_several_sub_protocols(rig: Rig) -> None:
    offered = f"json, authorization#{rig.token()}"
    peer = Peer(1, "/", {"market": ["ALL"]}, {"sec-websocket-protocol": offered})
    session = rig.dialect.connect(rig.now, peer)
    assert isinstance(session, Session)
    assert session.subprotocol == offered.removeprefix("json, ")
