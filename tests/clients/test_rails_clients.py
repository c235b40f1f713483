"""Rails has no client library: its clients are plain WebSocket libraries, and browsers. Two of them, unmodified.

The `websockets` library is driven by the end-to-end tests, a browser by test_browser.py.
"""

from collections.abc import Callable

import pytest

from .conftest import GROUPS, NEWEST, Drive, Server

pytestmark = [pytest.mark.clients, GROUPS[NEWEST]]


@pytest.fixture(scope="module")
def rails_server(servers: Callable[[str], dict[str, Server]]) -> Server:
    """The Rails dialect of a running server."""
    return servers(NEWEST)["rails"]


@pytest.mark.parametrize("driver", ["aiohttp/drive.py", "undici/drive.js"])
def test_every_stream_and_order_entry(driver: str, rails_server: Server, drive: Drive) -> None:
    assert drive(rails_server, driver, "sockets")[-1]["ok"]
