"""The variables of Ranger and Rango, and what `--relay` and `--publish` come to."""

from __future__ import annotations

from argparse import Namespace

import pytest

from polyfeed.app.config import Config, ConfigError, load
from polyfeed.app.peatio_keys import demo_private_key, with_peatio
from polyfeed.app.ranger import broker_url, translated, with_brokers
from polyfeed.dialects.peatio.auth import Verifier, mint

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
