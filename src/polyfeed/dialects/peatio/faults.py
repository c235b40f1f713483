"""What faults on purpose have to know of Peatio's messages, in each of its framings (spec/peatio.md 0, 3)."""

from __future__ import annotations

import re

from polyfeed.dialects._base.said import Hearing, Said, counted_up
from polyfeed.dialects.peatio import spec

_NAME = re.compile(r'[{\[]?"?([^"\s:,]+)')
_ANSWERS = ("success", "error")
_SEQUENCE = re.compile(r'"sequence":(\d+)')


def said(text: str) -> Said:
    """Deltas are increments; what begins with the name of an answer is one."""
    found = _NAME.match(text)
    name = "" if found is None else found[1]
    if name.endswith(f".{spec.BOOK}{spec.INC}"):
        return Said.DELTA
    return Said.OTHER if name in _ANSWERS or ("." not in name and name not in spec.PRIVATE) else Said.DATA


def spoil(text: str) -> str | None:
    """The increment with a number too high by one, None for what is no increment."""
    return counted_up(_SEQUENCE, text) if said(text) is Said.DELTA else None


HEARING = Hearing(said, "sequence", spoil)
