"""What faults on purpose have to know of Bitstamp's messages (spec/bitstamp.md 4)."""

from __future__ import annotations

import json
import re

from polyfeed.dialects._base.said import Hearing, Said
from polyfeed.dialects.bitstamp import spec

_CHAIN = re.compile(r'"event_id":"([^"]+)","pre_event_id":"([^"]+)"')


def said(text: str) -> Said:
    """Deltas are the diffs of a book and the events of orders; `bts:` begins the names of all that is no data."""
    message = json.loads(text)
    channel, event = message.get("channel", ""), message.get("event", "")
    if event.startswith("bts:"):
        return Said.OTHER
    deltas = channel.startswith((f"{spec.DIFF_ORDER_BOOK}_", f"{spec.LIVE_ORDERS}_"))
    return Said.DELTA if deltas else Said.DATA


def spoil(text: str) -> str | None:
    """The event with an id before it that is not the last one's (but its own), None for what has no such id."""
    found = _CHAIN.search(text)
    return None if found is None else text[: found.start(2)] + found[1] + text[found.end(2) :]


HEARING = Hearing(said, "pre_event_id", spoil)
