"""A broker for the tests of one worker, and servers that listen to it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.brokers.rabbitmq import RabbitMQ, broker


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A running RabbitMQ."""
    with broker(tmp_path_factory.mktemp("rabbitmq")) as one:
        yield one


class Server:
    """A running `polyfeed serve`, with every port where there was a free one."""

    def __init__(self, *words: str, state: str, environment: dict[str, str] | None = None) -> None:
        free = [f"{name}.{kind}=0" for name in DIALECTS for kind in ("port", "tls_port")]
        settings = [*free, "http.port=0", f"server.state_dir={state}"]
        command = [sys.executable, "-m", "polyfeed", "serve", *words]
        self.process = subprocess.Popen(
            [*command, *(part for one in settings for part in ("--set", one))],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self.process.stdout is not None
        self.ports: dict[str, int] = {}
        for line in self.process.stdout:
            found = re.match(r"  (\w+) +\w+://[\d.]+:(\d+)/", line)
            if found:
                self.ports[found[1]] = int(found[2])
            if len(self.ports) == len(DIALECTS) + 1:
                break

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def dialect_names() -> list[str]:
    from polyfeed.dialects.registry import DIALECTS

    return list(DIALECTS)


DIALECTS = dialect_names()


@contextmanager
def server(*words: str, state: str, environment: dict[str, str] | None = None) -> Iterator[Server]:
    """A server that is stopped at the end."""
    one = Server(*words, state=state, environment=environment)
    try:
        yield one
    finally:
        one.stop()
