"""Clients of Bitstamp that nobody here wrote, unmodified, against a running server."""

import pytest

from .conftest import GROUPS, NEWEST, Drive, Server

CCXT = "ccxt_bitstamp/drive.py"
CRYPTOFEED = "cryptofeed/drive_bitstamp.py"
CCXWS = "ccxws/drive.js"

pytestmark = [pytest.mark.clients, GROUPS[NEWEST]]


@pytest.mark.parametrize("driver", [CCXT, CRYPTOFEED, CCXWS])
def test_streams(driver: str, bitstamp_server: Server, drive: Drive) -> None:
    """Every public channel that the client can subscribe to delivers, and what the client makes of it is right."""
    assert drive(bitstamp_server, driver, "sockets")[-1]["ok"]


@pytest.mark.parametrize("driver", [CCXT, CRYPTOFEED])
def test_rest(driver: str, bitstamp_server: Server, drive: Drive) -> None:
    """Every call of the REST API that asks for something gets an answer that the client understands."""
    assert drive(bitstamp_server, driver, "rest")[-1]["ok"]


def test_orders(bitstamp_server: Server, drive: Drive) -> None:
    """With the demo's key: orders placed, replaced, filled and cancelled over REST are seen on the private channels."""
    assert drive(bitstamp_server, CCXT, "orders")[-1]["ok"]
