"""Makes the pictures of the README: a demo that has run for a while, its page in Chromium.

python console/screenshots.py DIRECTORY
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
PORTS = ("http", "kraken", "bitstamp", "peatio", "rails", "ekiden")
RUN_SECONDS = 300
SPEED = 4


def main(directory: Path) -> None:
    """Starts the demo, lets it run, takes the pictures, ends it."""
    directory.mkdir(parents=True, exist_ok=True)
    free = [word for name in PORTS for word in ("--set", f"{name}.port=0")]
    server = subprocess.Popen(
        [sys.executable, "-m", "polyfeed", "serve", "--demo", *free], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        found = None
        while found is None:
            found = re.search(r"http://[\d.]+:\d+", server.stdout.readline())
        url = found[0]
        body = f'{{"speed": {SPEED}}}'.encode()
        urllib.request.urlopen(urllib.request.Request(f"{url}/api/flow", body, method="POST")).close()
        print(f"the demo runs for {RUN_SECONDS} s, so that there are candles", flush=True)
        time.sleep(RUN_SECONDS)
        subprocess.run(["node", HERE / "tests" / "screenshots.mjs", url, directory], check=True)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
