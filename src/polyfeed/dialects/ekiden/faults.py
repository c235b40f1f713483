"""What faults on purpose have to know of Ekiden's messages (spec/ekiden.md 5)."""

from __future__ import annotations

import json
import re

from polyfeed.dialects._base.said import Hearing, Said, counted_up

_SEQ = re.compile(r'"seq":(\d+)')


def said(text: str) -> Said:
    """A delta says so itself."""
    message = json.loads(text)
    if message.get("op") != "event":
        return Said.OTHER
    return Said.DELTA if message.get("type") == "delta" else Said.DATA


def spoil(text: str) -> str | None:
    """The delta with a `seq` too high by one, None for what is none."""
    return counted_up(_SEQ, text) if said(text) is Said.DELTA else None


HEARING = Hearing(said, "seq", spoil)
