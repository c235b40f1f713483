"""The configuration: what wins over what, and errors that help."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from polyfeed.app.cli import main
from polyfeed.app.config import Config, ConfigError, as_toml, load
from polyfeed.app.shown import secret_keys
from polyfeed.dialects._base.secrets import masked_url


def test_defaults_need_no_file() -> None:
    assert load(None, {}, []) == Config()


def test_file_then_environment_then_command_line(tmp_path: Path) -> None:
    file = tmp_path / "polyfeed.toml"
    file.write_text('[kraken]\nport = 1\nprofile = "1.x"\n[http]\nport = 2\n')
    config = load(file, {"POLYFEED_KRAKEN__PORT": "3", "POLYFEED_HTTP__PORT": "4", "PATH": "x"}, ["kraken.port=5"])
    assert (config.kraken.port, config.kraken.profile, config.http.port) == (5, "1.x", 4)


def test_what_is_shown_can_be_read_back(tmp_path: Path) -> None:
    config = load(None, {}, ["kraken.checksum=false", "flow.speed=2.5", "server.tls=self-signed"])
    file = tmp_path / "shown.toml"
    file.write_text(as_toml(config))
    assert load(file, {}, []) == config


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["kraken.prot=1"], "there is no key kraken.prot; did you mean 'port'?"),
        (["karken.port=1"], "there is no section 'karken'; did you mean 'kraken'?"),
        (["kraken.port=x"], "the command line: kraken.port wants a whole number from 0 to 65535, not 'x'"),
        (["server.workers=65"], "server.workers wants a whole number from 0 to 64, not '65'"),
        (["server.drain_seconds=0"], "server.drain_seconds wants a number above 0, not '0'"),
        (["gateway.connections=-1"], "gateway.connections wants a whole number of 0 or more, not '-1'"),
        (["kraken.checksum=perhaps"], "kraken.checksum wants true or false, not 'perhaps'"),
        (["kraken.profile=2"], "kraken.profile wants 0.2.0 or 1.x, not '2'"),
        (["bus.name=a b"], "bus.name wants text that matches ^[A-Za-z0-9_-]+$, not 'a b'"),
        (["peatio.jwt_expiration_leeway=x"], "wants a whole number of 0 or more or nothing, not 'x'"),
        (["port=1"], "--set takes section.key=value"),
        (["kraken.profile=1.x", "kraken.checksum=false"], "[kraken]: profile 1.x always sends checksums"),
        (["store.history=mysql://me:word@db/things"], "postgresql://…, not 'mysql://me:***@db/things'"),
    ],
)
def test_errors_name_the_place_and_the_way_out(settings: list[str], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {}, settings)
    assert says in str(caught.value)


def test_a_secret_of_the_wrong_type_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "polyfeed.toml"
    file.write_text("[http]\ntoken = 4711471147114711\n")
    with pytest.raises(ConfigError, match=r"http\.token wants text, not what it was given"):
        load(file, {}, [])


SECRETS = {
    "http.token": "a-token-of-the-operator",
    "peatio.jwt_secret": "a-secret-of-more-than-thirty-two-bytes",
    "peatio.jwt_private_key": "cHJpdmF0ZQ==",
    "relay.url": "amqp://me:relayed-word@broker:5672/",
    "publish.url": "amqps://me:published-word@broker/%2f",
    "store.history": "postgresql://me:stored-word@db/things?sslpassword=keyed-word",
}


def test_what_is_shown_has_no_secrets_unless_they_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    settings = [part for key, value in SECRETS.items() for part in ("--set", f"{key}={value}")]
    assert main(["config", "show", *settings]) == 0
    shown = capsys.readouterr().out
    for secret in ("a-token", "a-secret", "cHJp", "relayed-word", "published-word", "stored-word", "keyed-word"):
        assert secret not in shown
    for rest in ('token = "***"', "amqp://me:***@broker:5672/", "amqps://me:***@broker/%2f", "me:***@db/things?***"):
        assert rest in shown
    assert main(["config", "show", "--secrets", *settings]) == 0
    told = capsys.readouterr().out
    assert all(f'"{value}"' in told for value in SECRETS.values())


def test_no_key_that_sounds_like_a_secret_is_left_unmarked() -> None:
    """So that a new key is thought about; what is none, or only names where one is, is listed here."""
    harmless = {"http.token_file", "bitstamp.token_seconds", "peatio.jwt_public_key", "peatio.jwt_key_file"}
    harmless |= {"server.tls_key"}
    for section in msgspec.structs.fields(Config):
        marked = secret_keys(section.type)
        for key in msgspec.structs.fields(section.type):
            sounds = any(word in key.name for word in ("token", "secret", "key", "password", "url", "history"))
            assert key.name in marked or not sounds or f"{section.name}.{key.name}" in harmless, key.name


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite", "sqlite"),
        ("amqp://broker/", "amqp://broker/"),
        ("nats://token@broker", "nats://***@broker"),
        ("amqp://me:pa@ss:word@broker/", "amqp://me:***@broker/"),
        ("https://keys.example/set?token=word#part", "https://keys.example/set?***"),
        ("nats://me:word@one:4222,me:word@two:4222", "nats://me:***@two:4222"),
        ("amqp://me:pa/ss@broker/", "***"),
        ("amqp://me:word@[broker/", "***"),
        ("me:word@broker", "***"),
    ],
)
def test_masks_of_urls(url: str, shown: str) -> None:
    assert masked_url(url) == shown


@pytest.mark.parametrize("key", ["relay.url", "publish.url", "store.history"])
@pytest.mark.parametrize("word", ["wo/rd", "wo[rd", "wo?rd/x@y"])
def test_a_url_that_cannot_be_read_is_not_repeated(key: str, word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {}, [f"{key}=postgresql://me:{word}@db/things"])
    assert "rd" not in str(caught.value).replace("password", "")


def test_a_broken_or_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: No such file"):
        load(tmp_path / "nowhere.toml", {}, [])
    bad = tmp_path / "bad.toml"
    bad.write_text("[kraken\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load(bad, {}, [])
    odd = tmp_path / "odd.toml"
    odd.write_text("kraken = 1\n")
    with pytest.raises(ConfigError, match="is a section"):
        load(odd, {}, [])


def test_history_is_one_of_what_there_is_and_needs_a_journal() -> None:
    assert load(None, {}, ["store.history=postgresql://me@db/things"]).store.history == "postgresql://me@db/things"
    with pytest.raises(ConfigError, match="history is auto, sqlite, off or postgresql"):
        load(None, {}, ["store.history=mysql"])
    with pytest.raises(ConfigError, match="history is made from the journal"):
        load(None, {}, ["store.history=sqlite", "store.journal=off"])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("POLYFEED_KRAKEN_PORT", "POLYFEED_KRAKEN_PORT sets nothing; did you mean POLYFEED_KRAKEN__PORT?"),
        ("POLYFEED_TOKEN", "did you mean POLYFEED_HTTP__TOKEN?"),
        ("POLYFEED_FOO", "POLYFEED_FOO sets nothing; a key is set by POLYFEED_SECTION__KEY"),
    ],
)
def test_a_variable_that_sets_no_key_is_refused(name: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {name: "1"}, [])
    assert says in str(caught.value)


def test_what_kubernetes_says_of_services_and_what_tests_want_is_left_alone() -> None:
    theirs = {
        "POLYFEED_GATEWAY_SERVICE_HOST": "10.0.0.1",
        "POLYFEED_GATEWAY_SERVICE_PORT_KRAKEN": "9001",
        "POLYFEED_GATEWAY_PORT": "tcp://10.0.0.1:9001",
        "POLYFEED_PORT_9001_TCP_ADDR": "10.0.0.1",
        "POLYFEED_REQUIRE_RABBITMQ": "1",
    }
    assert load(None, theirs, []) == Config()


@pytest.mark.parametrize("url", ["http://x", "nats://a,http://me:word@b"])
def test_a_bus_is_nats(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^\[bus\]: a bus is nats://HOST\[,HOST…\], not ") as caught:
        load(None, {}, [f"bus.url={url}"])
    assert "word" not in str(caught.value)
    for good in ("10.0.0.1", "nats://a,b", "TLS://a,tls://b"):
        assert load(None, {}, [f"bus.url={good}"]).bus.url == good
