"""What faults on purpose have to know of Rails' messages (spec/rails.md 4 to 7). Nothing in them can be checked."""

from __future__ import annotations

import json

from polyfeed.dialects._base.said import Hearing, Said
from polyfeed.dialects.rails import spec

_DATA = frozenset({spec.FILLS_DELTA, spec.PUBLIC_FILLS_DELTA})


def said(text: str) -> Said:
    """Result types tell; what is said of own orders cannot be told from answers and counts as such."""
    result = json.loads(text).get("resultType")
    if result == spec.BOOK_DELTA:
        return Said.DELTA
    return Said.DATA if result in _DATA else Said.OTHER


HEARING = Hearing(said)
