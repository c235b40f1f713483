"""Every command line in deploy/ is one that polyfeed understands, with settings that it has."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from polyfeed.app.cli import main, parser
from polyfeed.app.config import load

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
TOML = DEPLOY / "polyfeed.toml"
CONFIG = "/etc/polyfeed/polyfeed.toml"


def documents(name: str) -> list[dict[str, Any]]:
    """The documents of one of deploy/'s YAML files."""
    return [one for one in yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")) if one]


def compose_commands() -> Iterator[tuple[str, list[str]]]:
    (compose,) = documents("docker/compose.yaml")
    for name, service in compose["services"].items():
        if service["image"] == "polyfeed":
            yield f"compose {name}", service["command"]


def kubernetes_commands() -> Iterator[tuple[str, list[str]]]:
    for file in ("venue", "gateway"):
        for one in documents(f"kubernetes/{file}.yaml"):
            if one["kind"] in {"Deployment", "StatefulSet"}:
                for container in one["spec"]["template"]["spec"]["containers"]:
                    yield f"kubernetes {container['name']}", container["args"]


def systemd_commands() -> Iterator[tuple[str, list[str]]]:
    for path in sorted((DEPLOY / "systemd").glob("*.service")):
        text = path.read_text(encoding="utf-8").replace("\\\n", " ").replace("%i", "3")
        for line in re.findall(r"^ExecStart=(.+)$", text, re.M):
            program, *words = shlex.split(line)
            assert program == "/opt/polyfeed/bin/polyfeed"
            yield path.name, words


def docker_commands() -> Iterator[tuple[str, list[str]]]:
    text = (DEPLOY / "docker" / "Dockerfile").read_text(encoding="utf-8")
    assert json.loads(re.search(r"^ENTRYPOINT (.+)$", text, re.M)[1]) == ["polyfeed"]  # type: ignore[index]
    yield "Dockerfile", json.loads(re.search(r"^CMD (.+)$", text, re.M)[1])  # type: ignore[index]


def page_commands() -> Iterator[tuple[str, list[str]]]:
    for page in (DEPLOY / "README.md", ROOT / "docs" / "operations.md"):
        text = page.read_text(encoding="utf-8")
        for line in re.findall(r"`(polyfeed [^`]+)`|^(polyfeed .+)$", text, re.M):
            words = shlex.split("".join(line), comments=True)[1:]
            yield page.name, [word.replace("…", "10.0.0.1") for word in words]


COMMANDS = [
    *compose_commands(),
    *kubernetes_commands(),
    *systemd_commands(),
    *docker_commands(),
    *page_commands(),
]


def test_every_place_has_commands() -> None:
    wanted = {"compose venue-2", "kubernetes venue", "polyfeed-gateway@.service", "Dockerfile", "README.md"}
    assert wanted | {"operations.md"} <= {place for place, _ in COMMANDS}


@pytest.mark.parametrize(("place", "words"), COMMANDS, ids=[f"{place}: {words[0]}" for place, words in COMMANDS])
def test_a_command_and_its_settings_are_known(place: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    options = parser().parse_args(words)
    settings = [word for one in getattr(options, "set", []) for word in ("--set", one)]
    if getattr(options, "bus", None):
        settings += ["--set", f"bus.url={options.bus}"]
    if getattr(options, "config", None) is not None:
        assert str(options.config) == CONFIG
        settings += ["--config", str(TOML)]
    assert main(["config", "check", *settings]) == 0
    assert "the configuration holds" in capsys.readouterr().out


def test_venue_and_gateways_that_need_a_bus_have_one() -> None:
    for place, words in COMMANDS:
        if words[0] in {"venue", "gateway"} and not place.endswith(".service"):
            assert any(word.startswith("--bus") for word in words), place


def test_the_configuration_says_only_what_differs() -> None:
    given = tomllib.loads(TOML.read_text(encoding="utf-8"))
    config, default = load(TOML, {}, []), load(None, {}, [])
    same = {
        f"{section}.{key}"
        for section, values in given.items()
        for key in values
        if getattr(getattr(config, section), key) == getattr(getattr(default, section), key)
    }
    # Written down where operators look for them.
    assert same <= {"server.trusted_proxies", "gateway.connections"}
