"""What tests that cut networks need is asked for before they begin, and what they made is taken down again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import networks
from tests.cluster import rig
from tests.networks import REQUIRED, need_networks

Deny = Callable[[str], Path]


@pytest.fixture
def deny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deny:
    """Puts an `ip` in place that writes down what it is asked for and refuses what has such words in it; `nsenter` runs
    it as if it were in the network.
    """
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv(REQUIRED, raising=False)
    networks.obstacle.cache_clear()
    asked = tmp_path / "asked"

    def put(words: str) -> Path:
        script = (
            f'#!/bin/sh\necho "$*" >> {asked}\ncase "$*" in {words}) echo Operation not permitted >&2; exit 2;; esac\n'
        )
        (tmp_path / "ip").write_text(script, encoding="utf-8")
        (tmp_path / "nsenter").write_text('#!/bin/sh\nshift\nexec "$@"\n', encoding="utf-8")
        for name in ("ip", "nsenter"):
            (tmp_path / name).chmod(0o755)
        return asked

    return put


@pytest.fixture(autouse=True)
def _asked_anew() -> object:
    yield
    networks.obstacle.cache_clear()


@pytest.mark.parametrize("refused", ["netns*add*", "link*bridge*", "*set*lo*", "link*veth*"])
def test_root_that_may_not_make_networks_is_a_skip(deny: Deny, refused: str) -> None:
    deny(refused)
    with pytest.raises(pytest.skip.Exception, match=r"no networks can be made here: .*: Operation not permitted"):
        need_networks()


def test_root_that_may_not_make_networks_is_a_failure_where_they_are_required(
    deny: Deny, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny("link*bridge*")
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match="Operation not permitted"):
        need_networks()


def test_it_is_tried_once_and_nothing_of_it_is_left(deny: Deny) -> None:
    asked = deny("nothing")
    need_networks()
    once = asked.read_text(encoding="utf-8").splitlines()
    need_networks()
    assert asked.read_text(encoding="utf-8").splitlines() == once
    made, gone = ([line.split()[2] for line in once if line.split()[1] == verb] for verb in ("add", "del"))
    assert len(made) == 3
    assert gone == made[::-1]


def test_networks_that_are_half_made_are_taken_down_again(deny: Deny, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = deny("link*pv1*")
    monkeypatch.setattr(rig, "need_networks", lambda: None)
    nets = rig.Networks()
    with pytest.raises(subprocess.CalledProcessError), nets:
        pytest.fail("it cannot be entered")
    lines = asked.read_text(encoding="utf-8").splitlines()
    added = {line.split()[2] for line in lines if line.startswith("netns add")}
    assert added == {nets.space(name) for name in ("n1", "n2", "n3", "v1")}
    assert {line.split()[2] for line in lines if line.startswith("netns del")} == added
    assert len([line for line in lines if line.startswith("link del pb")]) == 1
