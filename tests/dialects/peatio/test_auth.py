"""Keys and tokens: what is taken, what is not, and that a token never chooses how it is checked."""

from __future__ import annotations

import base64
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from polyfeed.dialects.peatio import PeatioSettings
from polyfeed.dialects.peatio.auth import Identity, Rejected, Verifier, mint
from tests.dialects.peatio.rig import ED_KEY, ED_RAW, ED_SPKI, RSA_KEY, RSA_PUBLIC, START

SECRET = "a secret of at least thirty-two bytes"
NOW = START


def standard(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def url_safe(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def identify(token: str, now: int = NOW, **settings: Any) -> Identity:
    return Verifier(PeatioSettings(**{"jwt_public_key": RSA_PUBLIC, **settings})).identify(token, now)


@pytest.mark.parametrize("form", [str, standard, url_safe], ids=["PEM", "standard", "url-safe"])
@pytest.mark.parametrize(
    ("public", "private"), [(RSA_PUBLIC, RSA_KEY), (ED_SPKI, ED_KEY), (ED_RAW, ED_KEY)], ids=["RSA", "SPKI", "raw"]
)
@pytest.mark.parametrize("profile", ["2.2", "3.x", "legacy"])
def test_every_form_of_a_key(form: Any, public: str, private: bytes, profile: str) -> None:
    token = mint(private, {"uid": "ID1", "role": "admin"}, NOW)
    who = identify(token, jwt_public_key=form(public), profile=profile)
    assert (who.uid, who.role, who.expires) == ("ID1", "admin", NOW + 3_600_000_000)


def claims(**more: Any) -> dict[str, Any]:
    seconds = NOW // 1_000_000
    return {"uid": "ID1", "sub": "session", "jti": "1", "iat": seconds, "exp": seconds + 60, **more}


def test_a_secret_is_for_hs256_alone() -> None:
    token = jwt.encode(claims(), SECRET, "HS256")
    assert identify(token, jwt_public_key="", jwt_secret=SECRET).uid == "ID1"
    with pytest.raises(Rejected):
        identify(mint(RSA_KEY, {"uid": "ID1"}, NOW), jwt_public_key="", jwt_secret=SECRET)


@pytest.mark.parametrize("public", [RSA_PUBLIC, ED_SPKI, ED_RAW])
def test_a_public_key_is_no_secret(public: str) -> None:
    """The old trick: a token signed with HS256 and the public key as the secret."""
    for secret in (public, public.strip(), standard(public)):
        header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
        import hashlib
        import hmac
        import json

        payload = base64.urlsafe_b64encode(json.dumps(claims()).encode()).rstrip(b"=")
        signature = hmac.new(secret.encode(), header + b"." + payload, hashlib.sha256).digest()
        token = b".".join((header, payload, base64.urlsafe_b64encode(signature).rstrip(b"="))).decode()
        with pytest.raises(Rejected):
            identify(token, jwt_public_key=public)


def test_none_is_no_algorithm() -> None:
    token = jwt.encode(claims(), "", "none")
    for settings in ({}, {"jwt_public_key": "", "jwt_secret": SECRET}):
        with pytest.raises(Rejected):
            identify(token, **settings)


def test_another_algorithm_of_an_rsa_key() -> None:
    key = load_pem_private_key(RSA_KEY, None)
    token = jwt.encode(claims(), key, "PS512")  # type: ignore[arg-type]
    assert identify(token, profile="3.x").uid == "ID1"
    with pytest.raises(Rejected):
        identify(token, profile="2.2")
    assert identify(token, profile="2.2", jwt_algorithm="PS512").uid == "ID1"


@pytest.mark.parametrize("profile", ["2.2", "3.x"])
def test_times(profile: str) -> None:
    def with_times(**times: int) -> str:
        return mint(RSA_KEY, {"uid": "ID1", **{name: NOW // 1_000_000 + by for name, by in times.items()}}, NOW)

    for good in ({"iat": -1}, {"iat": 0}, {"exp": 1}, {"nbf": 0}):
        assert identify(with_times(**good), profile=profile).uid == "ID1"
    for bad in ({"iat": 10}, {"exp": 0}, {"exp": -1}, {"nbf": 10}):
        with pytest.raises(Rejected):
            identify(with_times(**bad), profile=profile)
        assert identify(with_times(**bad), profile=profile, jwt_leeway=11).uid == "ID1"


def test_each_time_has_a_leeway_of_its_own() -> None:
    """Those that have none have that of all (sheet 2, leeway)."""
    seconds = NOW // 1_000_000
    own = {"exp": "jwt_expiration_leeway", "nbf": "jwt_not_before_leeway", "iat": "jwt_issued_at_leeway"}
    for claim, setting in own.items():
        token = mint(RSA_KEY, {"uid": "ID1", claim: seconds + (-10 if claim == "exp" else 10)}, NOW)
        for good in ({setting: 11}, {"jwt_leeway": 11}, {"jwt_leeway": 1, setting: 11}):
            assert identify(token, **good).uid == "ID1"
        others = {name: 11 for name in own.values() if name != setting}
        for bad in ({setting: 9}, {"jwt_leeway": 11, setting: 0}, others):
            with pytest.raises(Rejected):
                identify(token, **bad)
    late = mint(RSA_KEY, {"uid": "ID1", "exp": seconds + 5}, NOW)
    assert identify(late, jwt_expiration_leeway=3).expires == (seconds + 8) * 1_000_000


@pytest.mark.parametrize("value", ["soon", True, [], 1e300, {}])
def test_times_that_are_none(value: Any) -> None:
    with pytest.raises(Rejected):
        identify(mint(RSA_KEY, {"uid": "ID1", "exp": value}, NOW))


def test_rules_of_ruby() -> None:
    token = lambda **more: mint(RSA_KEY, {"uid": "ID1", **more}, NOW)  # noqa: E731
    for bad in ({"jti": None}, {"jti": ""}, {"sub": None}, {"sub": "other"}):
        with pytest.raises(Rejected):
            identify(token(**bad))
    assert identify(token(uid=None)).uid == ""
    assert identify(token(aud="peatio"), jwt_audience="x, peatio").uid == "ID1"
    assert identify(token(iss="barong"), jwt_issuer="barong").uid == "ID1"
    with pytest.raises(Rejected, match="aud"):
        identify(token(), jwt_audience="other")
    with pytest.raises(Rejected, match="iss"):
        identify(token(), jwt_issuer="other")


def test_rules_of_go() -> None:
    token = lambda **more: mint(RSA_KEY, {"uid": "ID1", **more}, NOW)  # noqa: E731
    for good in ({"jti": None}, {"sub": "other"}, {"level": "3"}, {"referral_id": 5}, {"aud": None}, {"iss": "x"}):
        assert identify(token(**good), profile="3.x").uid == "ID1"
    for bad in ({"uid": None}, {"uid": ""}, {"uid": 5}, {"aud": "peatio"}, {"aud": [1]}, {"level": "high"}):
        with pytest.raises(Rejected):
            identify(token(**bad), profile="3.x")


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "..", "é.é.é", "a" * 10_000, "\ud800.x.y"])
def test_garbage(token: str) -> None:
    with pytest.raises(Rejected):
        identify(token)


def test_a_token_of_another_key() -> None:
    other = generate_private_key(65537, 2048)
    public = other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(Rejected):
        identify(mint(RSA_KEY, {"uid": "ID1"}, NOW), jwt_public_key=public)


def test_no_key_lets_nobody_in() -> None:
    with pytest.raises(Rejected, match="no key"):
        identify(mint(RSA_KEY, {"uid": "ID1"}, NOW), jwt_public_key="")


def test_nothing_is_signed_without_a_private_key() -> None:
    for key in (b"", RSA_PUBLIC.encode()):
        with pytest.raises(ValueError, match=r"PEM|key"):
            mint(key, {"uid": "ID1"}, NOW)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"jwt_public_key": RSA_KEY.decode()}, "private key"),
        ({"jwt_public_key": "!!!"}, "neither PEM text nor base64"),
        ({"jwt_public_key": standard("hello")}, "no PEM block"),
        ({"jwt_public_key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"}, "cannot be read"),
        ({"jwt_secret": "short"}, "at least 32 bytes"),
        ({"jwt_secret": SECRET, "jwt_public_key": RSA_PUBLIC}, "cannot both"),
    ],
)
def test_keys_that_are_refused(settings: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        PeatioSettings(**settings)


def test_a_short_rsa_key_is_refused() -> None:
    public = generate_private_key(65537, 1024).public_key()
    with pytest.raises(ValueError, match="1024 bits"):
        PeatioSettings(jwt_public_key=public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
