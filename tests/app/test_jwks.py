"""Keys that rotate: which of a set count, which token has which, and how often the set is fetched."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from polyfeed.app.jwks import KeyKeeper
from polyfeed.dialects.peatio import PeatioSettings
from polyfeed.dialects.peatio.auth import Rejected, Verifier
from polyfeed.dialects.peatio.jwks import KeyRing, read_set

NOW = 1_800_000_000_000_000
URL = "https://keys.example/jwks.json"
OLD, NEW = (rsa.generate_private_key(65537, 2048) for _ in range(2))
POINT = ed25519.Ed25519PrivateKey.generate()


def rsa_entry(key: rsa.RSAPrivateKey, kid: str, **more: Any) -> dict[str, Any]:
    return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", **more}


def key_set(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(entries)}).encode()


def token(key: Any, kid: str | None, algorithm: str = "RS256") -> str:
    seconds = NOW // 1_000_000
    claims = {"uid": "ID1", "sub": "session", "jti": "1", "iat": seconds, "exp": seconds + 60}
    return jwt.encode(claims, key, algorithm, {} if kid is None else {"kid": kid})


def verifier(document: bytes, **settings: Any) -> Verifier:
    one = Verifier(PeatioSettings(jwks_url=URL, **settings))
    assert one.ring is not None
    one.ring.replace(document)
    return one


def test_each_token_is_checked_with_the_key_that_it_names() -> None:
    one = verifier(key_set(rsa_entry(OLD, "old"), rsa_entry(NEW, "new")))
    assert one.identify(token(OLD, "old"), NOW).uid == one.identify(token(NEW, "new"), NOW).uid == "ID1"
    for wrong in (token(OLD, "new"), token(OLD, "other"), token(OLD, None), token(OLD, ""), "x.y.z", ""):
        with pytest.raises(Rejected):
            one.identify(wrong, NOW)


def test_what_the_set_no_longer_has_counts_no_longer() -> None:
    one = verifier(key_set(rsa_entry(OLD, "old")))
    assert one.identify(token(OLD, None), NOW).uid == "ID1", "the only key needs no name"
    assert one.ring is not None
    one.ring.replace(key_set(rsa_entry(NEW, "new")))
    for gone in (token(OLD, "old"), token(OLD, None)):
        with pytest.raises(Rejected):
            one.identify(gone, NOW)


def test_the_key_names_the_algorithm_whatever_token_and_set_say() -> None:
    octets = {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "kid": "secret", "alg": "HS256"}
    one = verifier(key_set(octets, rsa_entry(OLD, "old", alg="HS256")))
    secret = b"secret-secret-secret-secret-secret"
    for wrong in (token(secret, "secret", "HS256"), token(secret, "old", "HS256"), token("", "old", "none")):
        with pytest.raises(Rejected):
            one.identify(wrong, NOW)
    with pytest.raises(Rejected):
        one.identify(token(OLD, "old", "PS512"), NOW)
    assert one.identify(token(OLD, "old"), NOW).uid == "ID1"


def test_which_keys_of_a_set_count() -> None:
    small = rsa.generate_private_key(65537, 1024)
    curve = ec.generate_private_key(ec.SECP256R1())
    entries = [
        rsa_entry(OLD, "good"),
        {**OKPAlgorithm.to_jwk(POINT.public_key(), as_dict=True), "kid": "point"},
        rsa_entry(NEW, "encryption", use="enc"),
        rsa_entry(small, "small"),
        {**ECAlgorithm.to_jwk(curve.public_key(), as_dict=True), "kid": "curve"},
        {**RSAAlgorithm.to_jwk(NEW, as_dict=True), "kid": "private"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": 3},
    ]
    assert set(read_set(key_set(*entries))) == {"good", "point"}


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[]}', b'{"keys":[1,null,{}]}', b"\xff"]
)
def test_what_is_no_set_is_refused(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_set(document)


@pytest.mark.parametrize(
    "settings",
    [{"jwks_url": "http://keys.example/"}, {"jwks_url": URL, "jwt_secret": "x" * 32}, {"jwks_url": "file:///x"}],
)
def test_a_set_from_nowhere_safe_or_beside_another_key_is_refused(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="jwks_url"):
        PeatioSettings(**settings)


class Server:
    """Where the set is: what it says, and how often it was asked."""

    def __init__(self, document: bytes) -> None:
        self.document = document
        self.asked = 0

    def get(self, url: str) -> bytes:
        assert url == URL
        self.asked += 1
        if not self.document:
            raise OSError("nobody there")
        return self.document


async def test_a_flood_of_unknown_keys_fetches_once_in_ten_seconds() -> None:
    ring, server = KeyRing(), Server(key_set(rsa_entry(OLD, "old")))
    keeper = KeyKeeper(URL, ring, server.get)
    for tenth in range(600):
        ring.find(token(OLD, f"unknown{tenth % 7}") if tenth % 50 == 0 else "x")
        await keeper.look(1000 + tenth / 10)
    assert server.asked == 6


async def test_a_new_key_is_known_soon_and_a_failure_keeps_the_old_ones(caplog: pytest.LogCaptureFixture) -> None:
    ring, server = KeyRing(), Server(key_set(rsa_entry(OLD, "old")))
    keeper = KeyKeeper(URL, ring, server.get)
    await keeper.look(0)
    server.document = b""
    await keeper.look(300)
    assert ring.find(token(OLD, "old")) is not None
    assert "cannot be had from keys.example: nobody there" in caplog.text
    server.document = key_set(rsa_entry(NEW, "new"))
    assert ring.find(token(NEW, "new")) is None
    await keeper.look(309)
    assert ring.find(token(NEW, "new")) is None
    await keeper.look(310)
    assert ring.find(token(NEW, "new")) is not None


@pytest.mark.parametrize(
    "answer", [b"this is no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", b""]
)
async def test_an_answer_that_is_none_ends_nothing(answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        keeper = KeyKeeper(f"http://127.0.0.1:{port}/keys?token=word", KeyRing())
        await keeper.look(0)
    assert "cannot be had from 127.0.0.1" in caplog.text
    assert "word" not in caplog.text
