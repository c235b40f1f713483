"""Prints the times at which the answer of /readyz changes, until it is killed: `python watch_ready.py URL`.

A process of its own, because it has to be in the network of what it looks at.
"""

from __future__ import annotations

import sys
import time
import urllib.request
from urllib.error import URLError

APART_SECONDS = 0.02


def ready(url: str) -> bool:
    """Whether it says so; it does not while nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def main(url: str) -> None:
    """Watches."""
    before = None
    while True:
        now = ready(url)
        if now is not before:
            before = now
            print(f"{time.time():.3f} {int(now)}", flush=True)
        time.sleep(APART_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1])
