"""Ports for servers that are started later."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from polyfeed.app.gateway_role import key_of
from polyfeed.app.ports import FIRST, HELD, LAST, free_ports, set_by
from polyfeed.gateway.listener import bound_socket


def test_they_are_all_different_and_not_among_those_of_outgoing_connections() -> None:
    found = free_ports(100)
    assert len(set(found)) == 100
    assert all(FIRST <= port <= LAST for port in found)


def test_a_server_listens_on_one_again_and_again() -> None:
    [port] = free_ports(1)
    for _ in range(2):
        with socket.create_server(("127.0.0.1", port)):
            socket.create_connection(("127.0.0.1", port)).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


@pytest.mark.skipif(sys.platform != "linux", reason="ports are held on Linux alone")
def test_another_process_does_not_find_it_meanwhile() -> None:
    [port] = free_ports(1)
    search = f"import socket; socket.socket().bind(('127.0.0.1', {port}))"
    found = subprocess.run([sys.executable, "-c", search], capture_output=True, text=True, check=False)
    assert "Address already in use" in found.stderr


def test_only_the_last_are_held() -> None:
    [first] = free_ports(1)
    free_ports(HELD)
    with socket.socket() as one:
        one.bind(("127.0.0.1", first))


@pytest.mark.parametrize(("label", "key"), [("kraken", "kraken.port"), ("kraken (tls)", "kraken.tls_port")])
def test_a_port_that_is_taken_is_said_with_the_key_that_moves_it(label: str, key: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with (
            pytest.raises(OSError, match=r"cannot listen on .*Address already in use") as caught,
            set_by(key_of(label)),
        ):
            bound_socket("127.0.0.1", number, shared=True)
    assert str(caught.value).endswith(f"; --set {key}=N takes another port")


def test_another_trouble_of_a_port_is_not_said_to_be_its_number() -> None:
    with pytest.raises(OSError, match=r"^.Errno 13. no$"), set_by("kraken.port"):
        raise PermissionError(13, "no")
