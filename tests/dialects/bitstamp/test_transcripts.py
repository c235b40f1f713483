"""Every message of the document, every error: plain text in transcripts/, each with where it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialects.bitstamp.stage import VenueStage, no_dialect
from tests.transcripts import Scene, play, scenes

SCENES = scenes(Path(__file__).parent / "transcripts")


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.where)
def test_transcript(scene: Scene) -> None:
    play(scene, no_dialect, VenueStage)
