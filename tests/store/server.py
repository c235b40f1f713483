"""A real server process with a journal."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

DIALECTS = ("kraken", "bitstamp", "peatio", "rails", "ekiden")
QUIET = ("flow.capture=off", "flow.agents=0", "rails.limits=false", "ekiden.rest_rate=0", "log.level=warning")
"""A demo in which nobody trades but the clients, as fast as they like."""
PATIENT = "store.patience_seconds=30"
"""The disk is a real one, which other tests use too: one that is slow for a while is no reason to refuse an order."""


class Server:
    """A process; `ports` are where it listens, `http` among them."""

    def __init__(self, directory: Path, *settings: str, words: tuple[str, ...] = ("--demo",)) -> None:
        ports = [f"{name}.port=0" for name in (*DIALECTS, "http")]
        given = [word for one in (*ports, *QUIET, PATIENT, *settings) for word in ("--set", one)]
        command = [sys.executable, "-m", "polyfeed", "serve", *words, "--journal", str(directory), *given]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.said = ""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if "ekiden" in line:
                break
        assert "polyfeed is ready" in self.said, self.end()
        try:
            self.ports = {name: self._port(rf"{name} +ws://127.0.0.1:(\d+)") for name in DIALECTS}
            self.ports["http"] = self._port(r"operator +http://127.0.0.1:(\d+)/")
        except AssertionError:
            self.kill()
            raise

    def _port(self, pattern: str) -> int:
        found = re.search(pattern, self.said)
        assert found is not None, self.said
        return int(found[1])

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.end()

    def stop(self) -> str:
        """SIGTERM; what was said on standard error."""
        self.process.terminate()
        return self.end()

    def end(self) -> str:
        """Waits for the end; what was said on standard error."""
        _, errors = self.process.communicate(timeout=60)
        return errors
