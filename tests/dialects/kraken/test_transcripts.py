"""Every message of the document, every error, both profiles: plain text in transcripts/, each with where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from polyfeed.dialects.kraken import KrakenDialect, KrakenSettings
from polyfeed.market.market import Market
from tests.transcripts import Scene, play, scenes

SCENES = scenes(Path(__file__).parent / "transcripts")


def dialect(market: Market, settings: Mapping[str, str]) -> KrakenDialect:
    return KrakenDialect(market, msgspec.convert(dict(settings), KrakenSettings, strict=False))


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.where)
def test_transcript(scene: Scene) -> None:
    play(scene, dialect)
