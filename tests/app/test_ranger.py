"""The variables of Ranger and Rango, and what `--relay` and `--publish` come to."""

from __future__ import annotations

from argparse import Namespace
from base64 import b64encode
from pathlib import Path

import pytest

from polyfeed.app.config import Config, ConfigError, load
from polyfeed.app.peatio_keys import demo_private_key, with_peatio
from polyfeed.app.ranger import broker_url, translated, with_brokers
from polyfeed.dialects.peatio.auth import Verifier, mint
from tests.dialects.peatio.rig import ED_KEY, ED_RAW, ED_SPKI, RSA_KEY, RSA_PUBLIC

NOW = 1_588_000_800_000_000


def configured(environment: dict[str, str], *settings: str, **options: str | None) -> Config:
    return load(None, *with_brokers(environment, Namespace(**options), list(settings)))


def test_the_variables() -> None:
    environment = {
        "RANGER_HOST": "127.0.0.2",
        "RANGER_PORT": "8081",
        "RABBITMQ_HOST": "broker",
        "RABBITMQ_USER": "me@here",
        "RABBITMQ_PASSWORD": "p/w",
        "API_CORS_ORIGINS": "a.example,b.example",
        "RANGO_RBAC_ADMIN": "superadmin,admin",
        "RANGO_RBAC_SYS": "root",
        "LOG_LEVEL": "WARN",
        "JWT_ISSUER": "barong",
        "PATH": "/bin",
    }
    config = configured(environment, relay="", publish=None)
    assert config.relay.url == "amqp://me%40here:p%2Fw@broker:5672/"
    assert (config.server.host, config.peatio.port, config.log.level) == ("127.0.0.2", 8081, "warning")
    assert (config.peatio.origins, config.peatio.jwt_issuer) == ("a.example,b.example", "barong")
    assert config.peatio.rbac == "admin=superadmin,admin;sys=root"
    assert config.publish.url == ""


def test_every_variable_that_the_originals_read() -> None:
    """Each alone, and what it comes to."""
    for name, value, section, key, expected in (
        ("RANGER_HOST", "0.0.0.0", "server", "host", "0.0.0.0"),
        ("RANGER_PORT", "8080", "peatio", "port", 8080),
        ("METRICS_HOST", "127.0.0.3", "http", "host", "127.0.0.3"),
        ("METRICS_PORT", "8082", "http", "port", 8082),
        ("JWT_ALGORITHM", "RS512", "peatio", "jwt_algorithm", "RS512"),
        ("JWT_ISSUER", "barong", "peatio", "jwt_issuer", "barong"),
        ("JWT_AUDIENCE", "peatio,barong", "peatio", "jwt_audience", "peatio,barong"),
        ("JWT_DEFAULT_LEEWAY", "3", "peatio", "jwt_leeway", 3),
        ("JWT_EXPIRATION_LEEWAY", "0", "peatio", "jwt_expiration_leeway", 0),
        ("JWT_NOT_BEFORE_LEEWAY", "5", "peatio", "jwt_not_before_leeway", 5),
        ("JWT_ISSUED_AT_LEEWAY", "6", "peatio", "jwt_issued_at_leeway", 6),
        ("API_CORS_ORIGINS", "https://a.example", "peatio", "origins", "https://a.example"),
        ("RANGO_RBAC_ADMIN", "a,b", "peatio", "rbac", "admin=a,b"),
        ("LOG_LEVEL", "FATAL", "log", "level", "error"),
        ("RABBITMQ_HOST", "rabbit", "relay", "url", "amqp://guest:guest@rabbit:5672/"),
        ("RABBITMQ_PORT", "5673", "relay", "url", "amqp://guest:guest@localhost:5673/"),
        ("RABBITMQ_USER", "u", "relay", "url", "amqp://u:guest@localhost:5672/"),
        ("RABBITMQ_PASSWORD", "p", "relay", "url", "amqp://guest:p@localhost:5672/"),
    ):
        config = configured({name: value}, relay="")
        assert getattr(getattr(config, section), key) == expected, name
    key = b64encode(RSA_PUBLIC.encode()).decode()
    assert configured({"JWT_PUBLIC_KEY": key}, relay="").peatio.jwt_public_key == key


def test_accounts_are_not_managed_where_clients_connect() -> None:
    """Rango's metrics are on every address; here that port can do more."""
    assert configured({"RANGER_HOST": "0.0.0.0"}, relay="").http.host == "127.0.0.1"


@pytest.mark.parametrize("name", ["config/rsa-key.pub", "config/ed25519-key.pub"])
def test_the_key_file_of_rango(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    public, private = (RSA_PUBLIC, RSA_KEY) if "rsa" in name else (ED_RAW, ED_KEY)
    (tmp_path / name).write_text(public)
    relay = with_peatio(load(None, {}, ["relay.url=amqp://x/"])).peatio
    assert Verifier(relay).identify(mint(private, {"uid": "ID1"}, NOW), NOW).uid == "ID1"
    secret = "peatio.jwt_secret=a secret of at least thirty-two bytes"
    assert with_peatio(load(None, {}, ["relay.url=amqp://x/", secret])).peatio.jwt_public_key == ""
    assert with_peatio(load(None, {}, [])).peatio.jwt_public_key == ""


def test_a_key_file_of_one_s_own(tmp_path: Path) -> None:
    place = tmp_path / "key.pub"
    place.write_text(ED_SPKI)
    settings = with_peatio(load(None, {}, [f"peatio.jwt_key_file={place}"])).peatio
    assert Verifier(settings).identify(mint(ED_KEY, {"uid": "ID1"}, NOW), NOW).uid == "ID1"
    for text in ("nothing", RSA_KEY.decode(), "\u00e9"):
        place.write_text(text)
        with pytest.raises(ConfigError, match="the key file"):
            with_peatio(load(None, {}, [f"peatio.jwt_key_file={place}"]))
    with pytest.raises(ConfigError, match="No such file"):
        with_peatio(load(None, {}, ["peatio.jwt_key_file=/nowhere"]))


def test_the_configuration_s_own_names_win() -> None:
    environment = {"RANGER_PORT": "8081", "POLYFEED_PEATIO__PORT": "8082"}
    assert configured(environment, relay="amqp://x/").peatio.port == 8082
    assert configured(environment, "peatio.port=8083", relay="amqp://x/").peatio.port == 8083


def test_without_a_broker_they_do_not_count() -> None:
    assert configured({"RANGER_PORT": "8081", "LOG_LEVEL": "trace"}, relay=None).peatio.port == 9003


def test_defaults() -> None:
    assert broker_url({}) == "amqp://guest:guest@localhost:5672/"
    assert translated({}) == {}


def test_a_relay_s_streams_are_the_upstream_s() -> None:
    assert with_peatio(load(None, {}, ["relay.url=amqp://x/"])).peatio.relay
    with pytest.raises(ConfigError, match="either --relay or --demo"):
        with_peatio(load(None, {}, ["relay.url=amqp://x/", "flow.demo=true"]))


def test_the_demo_has_a_key_and_nothing_else_has() -> None:
    assert with_peatio(load(None, {}, [])).peatio.jwt_public_key == ""
    settings = with_peatio(load(None, {}, ["flow.demo=true"])).peatio
    assert Verifier(settings).identify(mint(demo_private_key(), {"uid": "ID1001"}, NOW), NOW).uid == "ID1001"
    own = "a secret of at least thirty-two bytes"
    assert with_peatio(load(None, {}, ["flow.demo=true", f"peatio.jwt_secret={own}"])).peatio.jwt_public_key == ""


def test_settings_of_relays_are_checked() -> None:
    with pytest.raises(ConfigError, match="btcusd"):
        load(None, {}, ["relay.markets=btcusd"])
