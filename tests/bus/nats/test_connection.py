"""What is said of NATS servers has no passwords and no tokens in it."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from polyfeed.app.doctor.servers import look
from polyfeed.bus.nats.connection import place_of, servers_of


@pytest.mark.parametrize("user", ["me:xyzzy", "xyzzy"])
async def test_a_server_that_is_not_there(user: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{nobody.getsockname()[1]}"
        (url,) = servers_of(f"nats://{user}@{place}")
        assert place_of(urlsplit(url)) == place
        _, findings = await look([url], ["http://127.0.0.1:1"])
    assert any(place in str(one) for one in findings)
    assert "xyzzy" not in str(findings)
