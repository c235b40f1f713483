"""The pytest plugin: the fixture `polyfeed` and the marker of the same name, which says how the venue is to be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from polyfeed.testing.loop import LoopThread
    from polyfeed.testing.venue import Polyfeed


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line(
        "markers",
        "polyfeed(seed=1, agents=1.0, start=…, settings=()): how the venue of the fixture `polyfeed` is to be",
    )


@pytest.fixture(scope="session")
def polyfeed_loop() -> Iterator[LoopThread]:
    """The thread in which the venues of all tests of this process live, one after the other."""
    from polyfeed.testing.loop import LoopThread

    loop = LoopThread()
    yield loop
    loop.stop()


@pytest.fixture
def polyfeed(request: pytest.FixtureRequest, polyfeed_loop: LoopThread) -> Iterator[Polyfeed]:
    """A venue of the test's own, on free ports, whose time the test steps."""
    # Not before somebody asks for it: pytest imports this module in every run, whether or not a test does.
    from polyfeed.testing.venue import Polyfeed

    marker = request.node.get_closest_marker("polyfeed")
    with Polyfeed(loop=polyfeed_loop, **({} if marker is None else marker.kwargs)) as venue:
        yield venue
