"""How a close frame is described, for the page that lists them all."""

from __future__ import annotations

from typing import NamedTuple


class CloseCause(NamedTuple):
    """A close frame's code and text, and what is not on the wire: whether to come back, and when it is sent."""

    code: int
    reason: str
    reconnect: bool
    when: str
