"""Who may come in: counts, rates, origins and proxies, stepped by hand; then refusals over real sockets."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from polyfeed.gateway.door import SECOND, Door, DoorLimits, networks, who
from polyfeed.gateway.port import PortLimits
from tests.e2e.raw import Raw, frame, upgrade
from tests.gateway.test_sockets import LIMITS, House, until

PROXIES = networks("10.0.0.0/8, 127.0.0.1")


def statuses(door: Door, address: str, count: int, now: int = 0) -> list[int]:
    answers = [door.refusal(now, address, None) for _ in range(count)]
    return [101 if one is None else one.status for one in answers]


def test_an_address_has_so_many_connections_and_others_have_theirs() -> None:
    door = Door(DoorLimits(address_connections=2))
    assert statuses(door, "192.0.2.1", 3) == [101, 101, 429]
    assert statuses(door, "192.0.2.2", 1) == [101]
    door.release("192.0.2.1")
    assert statuses(door, "192.0.2.1", 2) == [101, 429]


def test_the_server_has_so_many_connections() -> None:
    door = Door(DoorLimits(connections=2))
    assert [statuses(door, f"192.0.2.{number}", 1) for number in (1, 2, 3)] == [[101], [101], [503]]
    refused = door.refusal(0, "192.0.2.3", None)
    assert refused is not None
    assert refused.headers == {"Retry-After": "5"}


def test_handshakes_come_back_with_time_and_retry_after_says_when() -> None:
    door = Door(DoorLimits(address_connections=0, handshake_rate=2, handshake_burst=4))
    assert statuses(door, "192.0.2.1", 5) == [101] * 4 + [429]
    refused = door.refusal(0, "192.0.2.1", None)
    assert refused is not None
    assert refused.headers == {"Retry-After": "1"}
    assert statuses(door, "192.0.2.1", 3, now=SECOND) == [101, 101, 429]


def test_nothing_is_remembered_of_who_has_gone() -> None:
    """A million addresses leave nothing behind: what is full again is forgotten with the next who comes."""
    door = Door(DoorLimits(handshake_rate=1, handshake_burst=2))
    for number in range(1000):
        address = f"198.51.{number % 250}.{number // 250}"
        assert statuses(door, address, 1, now=number * SECOND) == [101]
        door.release(address)
    assert door.opened == 0
    assert len(door._full_at) <= 2
    assert door._open == {}


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_what_of_an_address_counts(address: str, counted: str) -> None:
    assert who(address) == counted


@pytest.mark.parametrize(
    ("peer", "lines", "client"),
    [
        ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        ("10.1.1.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.1.1.1", ["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        ("10.1.1.1", ["6.6.6.6", "203.0.113.9, 10.2.2.2"], "203.0.113.9"),
        ("10.1.1.1", [], "10.1.1.1"),
        ("10.1.1.1", ["nonsense"], "10.1.1.1"),
        ("10.1.1.1", [""], "10.1.1.1"),
    ],
)
def test_only_a_trusted_proxy_says_who_a_client_is(peer: str, lines: list[str], client: str) -> None:
    assert Door(DoorLimits(), PROXIES).origin_of(peer, lines) == client


@pytest.mark.parametrize(
    ("origins", "origin", "status"),
    [
        ("", "https://evil.example", 101),
        ("app.example", None, 101),
        ("app.example", "https://app.example", 101),
        ("https://app.example", "https://APP.example", 101),
        ("app.example", "https://app.example.evil.example", 403),
        ("app.example", "https://evil.example, https://app.example", 403),
        ("app.example", "null", 403),
    ],
)
def test_origins(origins: str, origin: str | None, status: int) -> None:
    refused = Door(DoorLimits(origins=origins)).refusal(0, "192.0.2.1", origin)
    assert (101 if refused is None else refused.status) == status


# --- over sockets -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def opened(doors: DoorLimits, limits: PortLimits = LIMITS, proxies: str = "") -> AsyncIterator[House]:
    house = House(limits, doors, proxies)
    await house.open()
    try:
        yield house
    finally:
        await house.listener.drain(2.0)
        await until(lambda: not house.port.sockets and not house.http_connections())
        assert house.door.opened == 0
        assert house.door._halls == {}


async def knock(house: House, extra: str = "") -> tuple[bytes, Raw]:
    raw = await Raw.connect(house.number, upgrade(extra=extra))
    return await raw.head(), raw


async def test_too_many_connections_are_refused_before_the_upgrade_and_the_place_comes_back() -> None:
    async with opened(DoorLimits(address_connections=1)) as house:
        _, first = await knock(house)
        head, second = await knock(house)
        assert head.startswith(b"HTTP/1.1 429 ")
        assert b"Retry-After: 30" in head
        assert await second.ended()
        first.end()
        second.end()
        await until(lambda: house.door.opened == house.door.halls == 0)
        head, third = await knock(house)
        assert b" 101 " in head
        third.end()


async def test_a_handshake_that_is_refused_later_on_gives_its_place_back() -> None:
    async with opened(DoorLimits(address_connections=1)) as house:
        for _ in range(3):
            raw = await Raw.connect(house.number, upgrade("/fail"))
            assert b" 500 " in await raw.head()
            assert await raw.ended()
            raw.end()
            await until(lambda: house.door.opened == 0)


async def test_who_opens_connections_and_says_nothing_is_told_at_the_first_too_many() -> None:
    async with opened(DoorLimits(address_connections=3)) as house:
        silent = [await Raw.connect(house.number, b"") for _ in range(3)]
        await until(lambda: house.http_connections() == 3)
        crowd = await Raw.connect(house.number, b"")
        assert (await crowd.head()).startswith(b"HTTP/1.1 429 ")
        assert await crowd.ended()
        for raw in [*silent, crowd]:
            raw.end()


async def test_behind_a_proxy_each_client_has_its_own_count() -> None:
    async with opened(DoorLimits(address_connections=1), proxies="127.0.0.1") as house:
        heads = []
        raws = []
        for client in ("203.0.113.1", "203.0.113.2", "203.0.113.1"):
            head, raw = await knock(house, f"X-Forwarded-For: {client}\r\n")
            heads.append(head.split(b" ")[1])
            raws.append(raw)
        assert heads == [b"101", b"101", b"429"]
        for raw in raws:
            raw.end()


async def test_a_call_through_a_proxy_is_its_client_s_and_a_header_of_the_client_s_own_is_nothing() -> None:
    for proxies, address in (("127.0.0.1", "203.0.113.1"), ("", "127.0.0.1")):
        async with opened(DoorLimits(), proxies=proxies) as house:
            raw = await Raw.connect(
                house.number, b"GET /x HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.1\r\nConnection: close\r\n\r\n"
            )
            assert await raw.ended()
            assert house.dialect.calls[0].address == address
            raw.end()


async def test_a_page_from_elsewhere_is_refused() -> None:
    async with opened(DoorLimits(origins="app.example")) as house:
        head, raw = await knock(house, "Origin: https://evil.example\r\n")
        assert head.startswith(b"HTTP/1.1 403 ")
        raw.end()
        head, raw = await knock(house, "Origin: https://app.example\r\n")
        assert b" 101 " in head
        raw.end()


async def test_a_flood_is_ended_before_most_of_it_is_read() -> None:
    limits = PortLimits(close_seconds=0.4, message_rate=10, message_burst=20)
    async with opened(DoorLimits(), limits) as house:
        raw = await house.websocket()
        raw.writer.write(frame(1, b"hi") * 20_000)
        heard = 0
        while (await raw.frame())[0] == 1:
            heard += 1
        assert heard == 20
        await until(lambda: not house.fan.connections)
        raw.end()


async def test_headers_that_come_twice_are_read_alike_by_calls_and_handshakes() -> None:
    async with opened(DoorLimits()) as house:
        twice = "X-Key: one\r\nx-key: two\r\n"
        _, raw = await knock(house, twice)
        call = await Raw.connect(house.number, f"GET /x HTTP/1.1\r\nHost: x\r\n{twice}\r\n".encode())
        await call.head()
        assert house.dialect.peers[0].headers["x-key"] == house.dialect.calls[0].headers["x-key"] == "one, two"
        raw.end()
        call.end()


async def test_a_request_with_two_lengths_is_no_request() -> None:
    async with opened(DoorLimits()) as house:
        body = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        raw = await Raw.connect(house.number, body + b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await raw.head()).startswith(b"HTTP/1.1 400 ")
        assert await raw.ended()
        assert house.dialect.calls == []
        raw.end()


async def test_dead_peers_are_looked_for() -> None:
    """What ends a connection whose machine has gone is the kernel's: it is asked to."""
    async with opened(DoorLimits()) as house:
        raw = await house.websocket()
        (protocol,) = house.port.sockets
        sock = protocol._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
        raw.end()
