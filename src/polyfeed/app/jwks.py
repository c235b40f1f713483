"""Fetches the keys that Peatio's tokens are signed with, again and again, but never often."""

from __future__ import annotations

import asyncio
import logging
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from polyfeed.dialects.peatio.jwks import KeyRing

log = logging.getLogger("polyfeed.jwks")

REFRESH_SECONDS = 300.0
LEAST_SECONDS = 10.0
"""Between two fetches, however many tokens name keys that are not there: anybody can make such tokens."""
LOOK_SECONDS = 0.5
MAX_BYTES = 65_536
TIMEOUT_SECONDS = 5.0

Fetch = Callable[[str], bytes]


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """The keys are where the configuration says, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        """Follows nothing: the redirect is an error."""


_OPENER = urllib.request.build_opener(NoRedirects)


def fetch(url: str) -> bytes:
    """The document. Raises OSError, ValueError for one that is too large."""
    with _OPENER.open(url, timeout=TIMEOUT_SECONDS) as response:
        document: bytes = response.read(MAX_BYTES + 1)
    if len(document) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    return document


class KeyKeeper:
    """Keeps a ring's keys current: when it begins, every REFRESH_SECONDS, and soon after a token named one unknown.

    A set that cannot be had or read leaves the keys as they are. Times are the event loop's.
    """

    def __init__(self, url: str, ring: KeyRing, get: Fetch = fetch) -> None:
        self._url = url
        self._place = urlsplit(url).hostname
        self._ring = ring
        self._get = get
        self._fetched: float | None = None

    def due(self, now: float) -> bool:
        """Whether it is time to fetch."""
        if self._fetched is None:
            return True
        return now - self._fetched >= (LEAST_SECONDS if self._ring.wanted else REFRESH_SECONDS)

    async def look(self, now: float) -> None:
        """Fetches if it is time."""
        if not self.due(now):
            return
        self._fetched = now
        self._ring.wanted = False
        try:
            count = self._ring.replace(await asyncio.to_thread(self._get, self._url))
        except (OSError, ValueError, HTTPException) as error:
            # The words of the last kind repeat the URL, which may have a secret in it, or whatever was answered.
            why = type(error).__name__ if isinstance(error, HTTPException) else error
            log.warning("the keys of Peatio's tokens cannot be had from %s: %s", self._place, why)
            return
        log.info("%d keys for Peatio's tokens from %s", count, self._place)

    async def run(self) -> None:
        """Keeps them until it is cancelled."""
        while True:
            await self.look(asyncio.get_running_loop().time())
            await asyncio.sleep(LOOK_SECONDS)
