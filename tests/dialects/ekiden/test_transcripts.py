"""Every message and every error: plain text in transcripts/, each with where it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transcripts import Scene, scenes

from .stage import play

SCENES = scenes(Path(__file__).parent / "transcripts")


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.where)
def test_transcript(scene: Scene) -> None:
    play(scene)
