"""What faults on purpose have to know of Kraken's messages (spec/kraken.md 3.4, 3.10)."""

from __future__ import annotations

import json
import re

from polyfeed.dialects._base.said import Hearing, Said
from polyfeed.dialects.kraken import spec

_CHECKSUM = re.compile(r'"c":"(\d+)"')
_MODULUS = 1 << 32


def said(text: str) -> Said:
    """A delta is a book message that is no snapshot; data messages are the arrays."""
    message = json.loads(text)
    if not isinstance(message, list):
        return Said.OTHER
    if not message[-2].startswith(spec.BOOK):
        return Said.DATA
    return Said.DATA if "as" in message[1] else Said.DELTA


def spoil(text: str) -> str | None:
    """The update with another checksum, None for what has none."""
    found = _CHECKSUM.search(text)
    if found is None or said(text) is not Said.DELTA:
        return None
    wrong = (int(found[1]) + 1) % _MODULUS
    return f'{text[: found.start()]}"c":"{wrong}"{text[found.end() :]}'


HEARING = Hearing(said, "checksum", spoil)
