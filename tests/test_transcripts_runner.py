"""A transcript that says something else than what happens must fail, and say where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from polyfeed.dialects._base.dialect import Dialect
from polyfeed.dialects.kraken import KrakenDialect
from polyfeed.market.market import Market
from tests.transcripts import play, scenes

GOOD = """
# a comment
== a ping
! connect 1
< {"connectionID":1,"event":"systemStatus","status":"online","version":"0.2.0"}
> {"event":"ping"}
< {"event":"pong"}

== silence
! connect 1 as b
b< {"connectionID":1,"event":"systemStatus","status":"online","version":"0.2.0"}
! advance 60
bx 1000 no subscription
"""


def make(market: Market, settings: Mapping[str, str]) -> Dialect:
    assert not settings
    return KrakenDialect(market)


def run(folder: Path, text: str) -> None:
    (folder / "one.txt").write_text(text, "utf-8")
    for scene in scenes(folder):
        play(scene, make)


def test_a_true_transcript_passes(tmp_path: Path) -> None:
    run(tmp_path, GOOD)
    assert [scene.where for scene in scenes(tmp_path)] == ["one: a ping", "one: silence"]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('< {"event":"pong"}', '< {"event": "pong"}', "one: a ping, line 7"),
        ('< {"event":"pong"}\n', "", "after line 6: unexpected"),
        ('< {"event":"pong"}', '< {"event":"pong"}\n< {"event":"pong"}', "found    nothing"),
        ("bx 1000 no subscription", "bx 1001 no subscription", "line 13"),
        ("bx 1000 no subscription\n", "", "after line 12: unexpected"),
        ("bx 1000 no subscription", "x 1000 no subscription", "line 13"),
        ("! advance 60", "! advance 59", "found    nothing"),
    ],
)
def test_a_false_transcript_fails(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in GOOD
    with pytest.raises(AssertionError, match=complaint):
        run(tmp_path, GOOD.replace(old, new, 1))


def test_lines_of_no_known_form_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"one\.txt, line 2: nonsense"):
        run(tmp_path, "== a scene\nnonsense\n")
    with pytest.raises(ValueError, match="line 1"):
        run(tmp_path, "! connect 1\n")
