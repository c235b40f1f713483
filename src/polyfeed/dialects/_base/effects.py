"""What a session wants done, as values. The gateway carries them out in the order of the list.

A session decides, the gateway carries: that is why everything a dialect says can be tested by calling functions.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from polyfeed.model.commands import AnyCommand

ANY = -1
"""Stands for every instrument in a feed's key."""


class FeedKey(NamedTuple):
    """One channel of one instrument (or ANY) with one parameter (a depth, an interval; 0 where it has none).

    A private channel has its owner's account; 0 is public.
    """

    channel: str
    instrument: int
    parameter: int = 0
    account: int = 0


class Send(Struct, frozen=True):
    """Sends one text message to this connection alone."""

    text: str


class Ping(Struct, frozen=True):
    """Sends a WebSocket ping; the pong shows in `Session.last_heard`."""


class Join(Struct, frozen=True):
    """From here on the connection hears the feed."""

    key: FeedKey


class Leave(Struct, frozen=True):
    """From here on the connection no longer hears the feed."""

    key: FeedKey


class Snapshot(Struct, frozen=True):
    """Sends what the feed gives a newcomer, as of the last batch. Stands after the `Join` of the same feed."""

    key: FeedKey


class Submit(Struct, frozen=True):
    """Hands a command to the venue. Its outcome comes back as `Session.answer` with the same `request`.

    `reference` goes into the origin of its batches: the client's own name of the request.
    """

    command: AnyCommand
    request: int = 0
    reference: str = ""


class Close(Struct, frozen=True):
    """Closes the connection. Nothing after it in the list is carried out."""

    code: int
    reason: str


Effect = Send | Ping | Join | Leave | Snapshot | Submit | Close
