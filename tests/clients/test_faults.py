"""An unmodified client through a fault on purpose, in a venue of the pytest plugin's."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from polyfeed.testing.venue import Polyfeed

from .conftest import DRIVE_SECONDS, GROUPS, NEWEST, Drive, Server

pytestmark = [pytest.mark.clients, GROUPS[NEWEST]]


def test_a_wrong_checksum(polyfeed: Polyfeed, drive: Drive) -> None:
    """ccxt notices it as its users are told it does, and has a right book again afterwards."""
    server = Server("0.2.0", polyfeed.kraken.port, 0, Path())
    with ThreadPoolExecutor(1) as pool:
        driven = pool.submit(drive, server, "ccxt/drive_faults.py", "sockets")
        polyfeed.wait(lambda: driven.done() or any(one.subscriptions for one in polyfeed.connections()), DRIVE_SECONDS)
        if not driven.done():
            polyfeed.fault("kraken", "checksum")
        while not driven.done():
            polyfeed.step(0.1)
        findings = driven.result()
    assert findings[-1]["ok"]
    assert findings[-1]["seen"]["mismatch"] == 1
