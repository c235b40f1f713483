"""Clients of Kraken that nobody here wrote, unmodified, against a running server, in both profiles of the dialect."""

import pytest

from .conftest import Drive, Server

CLIENTS = ("ccxt", "cryptofeed", "kraky", "aiokraken")
# What the two clients that hand on every message see in systemStatus.
VERSIONS = {"0.2.0": "0.2.0", "1.x": "1.9.0"}

pytestmark = pytest.mark.clients


@pytest.mark.parametrize("client", CLIENTS)
def test_streams(client: str, kraken_server: Server, drive: Drive) -> None:
    """Every channel that the client can subscribe to delivers, and the client's own checks are content."""
    findings = drive(kraken_server, f"{client}/drive.py", "sockets")
    assert findings[-1]["ok"]
    versions = {finding["version"] for finding in findings if finding["finding"] == "status"}
    assert versions <= {VERSIONS[kraken_server.profile]}


@pytest.mark.parametrize("client", CLIENTS)
def test_rest(client: str, kraken_server: Server, drive: Drive) -> None:
    """Every public call of the REST API that the client has gets an answer that it understands."""
    assert drive(kraken_server, f"{client}/drive.py", "rest")[-1]["ok"]
