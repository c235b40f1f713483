"""Every message and every body of every profile: plain text in transcripts/, each with where it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialects.peatio.stage import play
from tests.transcripts import Scene, scenes

SCENES = scenes(Path(__file__).parent / "transcripts")


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.where)
def test_transcript(scene: Scene) -> None:
    play(scene)
