"""The page that says which event feeds which channel leaves none out."""

import re
from pathlib import Path
from typing import get_args

from polyfeed.model.events import PrivateEvent, PublicEvent

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
NAMES = {kind.__name__ for kind in (*get_args(PublicEvent), *get_args(PrivateEvent))}


def table() -> set[str]:
    """The names in the table of all events; "own order" stands for four of them."""
    section = PAGE.read_text(encoding="utf-8").split("## ")[1]
    firsts = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    own_order = {"OwnOrderOpened", "OwnOrderUpdated", "OwnOrderAmended", "OwnTriggered"}
    return set(re.findall(r"`(\w+)`", " ".join(firsts))) | (
        own_order if any("own order" in one for one in firsts) else set()
    )


def test_every_event_feeds_something() -> None:
    assert table() == NAMES


def test_no_channel_is_fed_by_an_event_that_does_not_exist() -> None:
    words = set(re.findall(r"`((?:[A-Z][a-z]+){2,})`", PAGE.read_text(encoding="utf-8")))
    assert words - NAMES <= {"LevelChange"}
