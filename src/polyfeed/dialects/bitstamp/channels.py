"""Channel names: what a client may ask for (spec/bitstamp.md 3, the grammar at the end of the errors)."""

from __future__ import annotations

import re
from typing import NamedTuple

from polyfeed.dialects.bitstamp import spec

_MARKET = r"(?P<market>[a-z0-9]+(?:-perp)?)"
_GRAMMAR = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?P<name>{'|'.join(spec.PUBLIC)})_{_MARKET}",
        rf"(?P<name>{spec.ANNOUNCEMENTS})",
        rf"(?P<name>{'|'.join(spec.PRIVATE_OF_MARKET)})_{_MARKET}-(?P<user>[0-9]+)",
        rf"(?P<name>{'|'.join(spec.PRIVATE_OF_USER)})-(?P<user>[0-9]+)",
    )
)


class Wanted(NamedTuple):
    """A channel of the grammar: its name, its market's symbol, its user's number; empty where it has none."""

    name: str
    market: str = ""
    user: str = ""


def parse_channel(text: str) -> Wanted | None:
    """What a channel's name asks for, None where it is not one."""
    for pattern in _GRAMMAR:
        match = pattern.fullmatch(text)
        if match is not None:
            given = match.groupdict()
            return Wanted(given["name"], given.get("market") or "", given.get("user") or "")
    return None
