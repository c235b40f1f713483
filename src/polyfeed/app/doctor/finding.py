"""What a check found."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(Struct, frozen=True):
    """One line: what was looked at, what is there, what polyfeed wants, and what to do about it."""

    level: Level
    what: str
    found: str
    wanted: str = ""
    advice: str = ""


def judged(
    what: str, good: bool, found: object, wanted: object, advice: str, *, otherwise: Level = Level.FAIL
) -> Finding:
    """Ok when it is `good`, else `otherwise` with the advice."""
    return Finding(Level.OK if good else otherwise, what, str(found), str(wanted), "" if good else advice)


def table(findings: Iterable[Finding]) -> str:
    """The findings as lines of columns."""
    rows = [(one.level.value, one.what, one.found, one.wanted and f"wanted {one.wanted}") for one in findings]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for place, one in reversed(list(enumerate(findings))):
        if one.advice:
            lines.insert(place + 1, f"{'':<{widths[0]}}  -> {one.advice}")
    return "\n".join(lines)
