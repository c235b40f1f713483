"""Each row that the original servers showed is reproduced in its profile, or differs for a reason of spec/peatio.md 9."""

from __future__ import annotations

import json
from typing import Any

import pytest

from polyfeed.dialects._base.rest import RestResponse
from tests.dialects.peatio.originals import BODIES, MANY, PROBES, SERVERS, UID, Probe, Row, rows
from tests.dialects.peatio.rig import ED_KEY, ED_SPKI, RSA_KEY, RSA_PUBLIC, Client, Rig, terms

ALIVE = "no close 3000 on malformed messages"
LARGER = "messages over 512 bytes are read"
BAD_HEADER = "a bad Authorization header on an optional path is anonymous (Rango), never a closed TCP connection (Ruby)"
DROPPED = "anonymous private streams are dropped from the ack (Rango)"
JWT = "the jwt message is on in 2.2, as the seed says"
SUBSCRIBE = "subscribe, unsubscribe and ping work in every profile; what is wrong is answered"
EXACT = "JSON bodies pass through byte for byte (Rango re-encodes)"
WILDCARD = "the wildcard of the seed's wscat line works in every profile"
STORE = "snapshot and increments before the ack, in every profile; a re-subscribe sends a fresh snapshot"
FIRST = "the first snapshot reaches waiting -inc subscribers"
PREFIXES = "3.x has the prefixes of era F; Rango 2.6.4, era E, had none"

CONTROL_REASONS = {
    ("2.2", "?stream= (empty)"): DROPPED,
    ("2.2", "ping variants"): SUBSCRIBE,
    ("2.2", "bad json / wrong shapes"): ALIVE,
    ("2.2", "subscribe/unsubscribe flow"): DROPPED,
    ("2.2", "anon sub private"): DROPPED,
    **{
        ("2.2", name): BAD_HEADER
        for name in PROBES
        if name.startswith(("auth header", "jwt ")) and "as message" not in name
    },
    ("2.2", "jwt as message"): JWT,
    ("2.2", "jwt as message, bad"): JWT,
    ("3.x", ">512B message"): LARGER,
}
"""Why a row of a profile may differ."""

SERVER_REASONS = {
    ("rango-2.6.4", "3-part stream, anon"): PREFIXES,
    ("rango-2.6.4", "auth header good, prefixed admin/sys"): PREFIXES,
    ("rango-2.6.4", "jwt as message"): LARGER,
    ("rango-2.6.4", "sub prefixed"): PREFIXES,
    ("rango-2.6.4", "admin.MKT.sys"): PREFIXES,
    ("rango-2.6.4", "admin.MKT.cnt-snap"): PREFIXES,
    ("rango-2.6.4", "admin.MKT.cnt-inc"): PREFIXES,
}

ALL = rows()
CONTROL = [row for row in ALL if row.server in SERVERS and not row.routing and row.name != "response headers"]


def rig_of(server: str, **settings: Any) -> tuple[Rig, bytes]:
    """A server with the settings and the kind of key that the original had, and the key that signs."""
    edwards = server.startswith("rango-3")
    public, key = (ED_SPKI, ED_KEY) if edwards else (RSA_PUBLIC, RSA_KEY)
    rbac = "admin=admin;sys=root"
    return Rig(profile=SERVERS[server], jwt_public_key=public, rbac=rbac, **settings), key


def timed(rig: Rig, claims: dict[str, Any]) -> dict[str, Any]:
    """Claims with times of now."""
    times = {
        name: rig.now // 1_000_000 + claims[name] for name in ("exp", "iat", "nbf") if claims.get(name) is not None
    }
    return {"uid": UID, **claims, **times}


def played(row: Row) -> Any:
    """What our server answers to the probe, in the form of the file."""
    rig, key = rig_of(row.server)
    probe = PROBES.get(row.name, Probe())
    headers = {name: value for name, value in (("authorization", probe.header), ("origin", probe.origin)) if value}
    token = rig.token(key, **timed(rig, probe.claims)) if probe.claims is not None else ""
    client = rig.connect(probe.url, token, headers)
    if isinstance(client, RestResponse):
        return f"HANDSHAKE FAIL InvalidStatusCode status={client.status}"
    said = ["(open)", *client.take()]
    sent = [one for one in row.answer if one.startswith(">> ")] if isinstance(row.answer, list) else []
    for one in sent:
        said.append(one)
        said += client.say(message_of(rig, key, one.removeprefix(">> ")))
    return said


def message_of(rig: Rig, key: bytes, shown: str) -> str | bytes:
    """The message that a row shows, long ones whole."""
    if shown.startswith("b'"):
        return shown[2:-1].encode()
    if shown.endswith("bytes") and "jwt" in shown:
        return json.dumps({"jwt": "Bearer " + rig.token(key, uid=UID)})
    return MANY if shown.endswith("bytes") else shown


@pytest.mark.parametrize("row", CONTROL, ids=lambda row: f"{row.server}: {row.name}")
def test_control(row: Row) -> None:
    reason = SERVER_REASONS.get((row.server, row.name)) or CONTROL_REASONS.get((SERVERS[row.server], row.name))
    found = played(row)
    expected = row.answer
    if isinstance(expected, str) and expected.startswith("HANDSHAKE FAIL InvalidStatusCode"):
        expected = " ".join(expected.split(" ")[:4])
    if reason is None:
        assert found == expected
    elif found == expected:
        pytest.fail(f"no longer differs: {reason}")


def test_no_reason_is_left_over() -> None:
    names = {(SERVERS[row.server], row.name) for row in CONTROL} | {
        (row.server, row.name.split(" {")[0]) for row in ALL if row.server in SERVERS
    }
    assert {*CONTROL_REASONS, *SERVER_REASONS} <= names


# --- routing --------------------------------------------------------------------------------------------------------

W = "/?stream=global.tickers&stream=MKT.trades&stream=MKT.update&stream=MKT.kline-1m&stream=MKT.ob-inc"
W += "&stream=MKT.ob-snap&stream=order&stream=trade"


STORED = [
    ("ob-snap", '{"asks":[["1","2"]],"bids":[],"sequence":2}'),
    ("ob-inc", '{"asks":["1","3"],"sequence":3}'),
]
STORED_LATER = [("ob-snap", '{"asks":[["1","3"]],"bids":[],"sequence":3}')]
"""What is kept for newcomers, of which the servers without a store told nothing."""


class Room:
    """A relay and the four clients of the routing sections."""

    def __init__(self, server: str) -> None:
        self.rig, self.key = rig_of(server, relay=True)
        self.rig.relay._terms = terms("MKT")
        for listing in self.rig.relay.listing(self.rig.now):
            self.rig.on_batch(listing)
        self.token = self.rig.token(self.key, uid=UID, role="admin")
        legacy = SERVERS[server] == "legacy"
        self.clients = {
            "w": self.rig.client(W, "" if legacy else self.token),
            "wild(m)": self.rig.client("/?stream=MKT"),
            "wild(global)": self.rig.client("/?stream=global"),
            "anon": self.rig.client("/?stream=order&stream=trade"),
        }
        self.first = self.clients["w"].take()
        if legacy:
            self.first = self.clients["w"].say(json.dumps({"jwt": f"Bearer {self.token}"}))
        self.heard()

    def heard(self) -> dict[str, list[str]]:
        return {name: client.take() for name, client in self.clients.items()}

    def late(self) -> list[str]:
        """What somebody sees who comes now."""
        return self.rig.client("/?stream=MKT.ob-inc").take()


def reason_of(server: str, name: str, client: str, key: str) -> str | None:
    """Why what a client hears of a message may differ."""
    profile = SERVERS[server]
    if profile == "3.x" and client.startswith("wild"):
        return WILDCARD
    if profile == "3.x" and key in {"public.global.tickers", "public.MKT.trades", "public.MKT.kline-1m"}:
        return EXACT
    if profile != "3.x" and key in {"public.MKT.kline-1m", "public.MKT.trades"}:
        return EXACT  # Ruby prints numbers and escapes its own way too
    if key == "public.MKT.ob-snap" and profile == "3.x":
        return FIRST
    return None


@pytest.mark.parametrize("server", SERVERS)
def test_routing(server: str) -> None:
    """The rows in their order, with everything between them."""
    room = Room(server)
    table = [row for row in ALL if row.server == server and row.routing]
    assert table[0].answer == room.first
    bodies = iter(BODIES)
    late: Client | None = None
    for row in table[1:]:
        if isinstance(row.answer, dict):
            key, body = next(bodies)
            assert row.name.startswith(key), (row.name, key)
            room.rig.relayed(key, body)
            for client, heard in room.heard().items():
                if (server, key) in SERVER_REASONS or heard == row.answer[client]:
                    continue
                assert reason_of(server, row.name, client, key), (row.name, client, heard, row.answer[client])
        elif row.name in {"late joiner sees", "late2 joiner sees"}:
            if SERVERS[server] == "3.x":
                assert room.late() == row.answer, row.name
            else:
                held = STORED if row.name == "late joiner sees" else STORED_LATER
                frame = '["MKT.{}",{}]' if SERVERS[server] == "legacy" else '{{"MKT.{}":{}}}'
                assert room.late() == [*(frame.format(*one) for one in held), *row.answer], STORE
            if late is None:
                late = room.rig.client("/?stream=MKT.ob-inc")
                late.take()
        elif row.name == "re-subscribe same stream":
            assert late is not None
            if SERVERS[server] != "legacy":
                found = late.say('{"event":"subscribe","streams":["MKT.ob-inc"]}')
                assert found == row.answer or SERVERS[server] == "2.2", STORE
        elif row.name == "late after gap inc":
            assert late is not None
            assert late.take()[-1:] == row.answer
        elif row.name == "order snap vs ack on message subscribe" and SERVERS[server] == "3.x":
            newcomer = room.rig.client("/")
            newcomer.take()
            assert newcomer.say('{"event":"subscribe","streams":["MKT.ob-inc","MKT.trades"]}') == row.answer
        elif row.name == "sub prefixed" and (server, row.name) not in SERVER_REASONS:
            found = room.clients["w"].say('{"event":"subscribe","streams":["admin.MKT.sys","admin.MKT.cnt-inc"]}')
            assert found == row.answer
