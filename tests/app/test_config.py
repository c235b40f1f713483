"""The configuration: what wins over what, and errors that help."""

from __future__ import annotations

from pathlib import Path

import pytest

from polyfeed.app.config import Config, ConfigError, as_toml, load


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
        (["kraken.port=x"], "Expected `int`, got `str` - at `$.kraken.port`"),
        (["kraken.profile=2"], "Invalid enum value '2'"),
        (["port=1"], "--set takes section.key=value"),
        (["kraken.profile=1.x", "kraken.checksum=false"], "always sends checksums"),
    ],
)
def test_errors_name_the_place_and_the_way_out(settings: list[str], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {}, settings)
    assert says in str(caught.value)


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
