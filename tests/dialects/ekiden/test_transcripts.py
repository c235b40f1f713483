"""Every message and every error: plain text in transcripts/, each with where it comes from; and that none is missing."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from polyfeed.dialects._base.closes import BEHIND, LOST
from polyfeed.dialects.ekiden import spec
from polyfeed.dialects.ekiden.private_words import ADL_RANKS, EXECUTIONS, MARGIN_MODES
from tests.transcripts import Scene, scenes

from .rig import Rig
from .stage import play

SCENES = scenes(Path(__file__).parent / "transcripts")


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.where)
def test_transcript(scene: Scene) -> None:
    play(scene)


def said(mark: str, who: str | None = None) -> list[str]:
    """All lines with a mark; of one speaker, or of all connections."""
    return [
        line.text
        for scene in SCENES
        for line in scene.lines
        if line.mark == mark and (line.who == who if who else line.who != "rest")
    ]


def test_every_error_of_the_sockets_is_said() -> None:
    errors = [text for text in said("<") if '"op":"error"' in text]
    assert [code for code in spec.ERRORS if not any(f'"message":"{code}' in text for text in errors)] == []
    failed = [text for text in said("<") if '"success":false' in text]
    for code in spec.AUTH_ERRORS:
        assert any(f'"message":"{code}' in text for text in failed), code


def test_every_close_is_said() -> None:
    assert {f"{one.code} {one.reason}" for one in (*spec.CLOSES, BEHIND, LOST)} == set(said("x"))


def test_every_call_works_somewhere_and_every_error_number_is_said() -> None:
    rest = Rig().dialect._rest
    routes = {f"{method} {spec.PREFIX}{path}" for method, path in (*rest._public, *rest._reading, *rest._trading)}
    answered: set[str] = set()
    for scene in SCENES:
        for line, reply in pairwise(scene.lines):
            if (line.who, line.mark, reply.text[:3]) == ("rest", ">", "200"):
                method, path = line.text.split(" ")[:2]
                answered.add(f"{method} {path.partition('?')[0]}")
    assert routes - answered == set()
    replies = said("<", "rest")
    numbers = (spec.ERROR_INVALID, spec.ERROR_AUTH, spec.ERROR_EXPIRED, spec.ERROR_RATE, spec.ERROR_NOT_FOUND)
    for number in (*numbers, spec.ERROR_UNAVAILABLE):
        assert any(f'"error_code":{number}' in text for text in replies), number
    assert {text[:3] for text in replies} == {"200", "400", "401", "403", "404", "429", "503"}


def test_every_word_of_orders_and_executions_is_said() -> None:
    """Those that the venue has a way to: MARKET_WIDE_CLOSURE, a rank of deleveraging between, and so on it has not."""
    text = "\n".join([*said("<"), *said("<", "rest")])
    statuses = ["New", "PartiallyFilled", "Filled", "Canceled", "PartiallyFilledCanceled", "Rejected", "Untriggered"]
    words = [f'"order_status":"{one}"' for one in (*statuses, "Triggered", "Expired")]
    words += [f'"exec_type":"{one}"' for one in {*EXECUTIONS.values(), "Funding"} - {"Settle"}]
    words += [f'"margin_mode":"{one}"' for one in MARGIN_MODES.values()]
    words += [f'"adl_rank_indicator":"{one}"' for one in (ADL_RANKS[0], ADL_RANKS[-1])]
    cancels = ["ByUser", "BySmp", "ByReduceOnly", "BySystem", "AllBeforeLiq"]
    words += [f'"cancel_type":"Cancel{one}"' for one in cancels]
    assert [word for word in words if word not in text] == []
