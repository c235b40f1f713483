"""What the five original servers answered to one set of probes (data/originals.txt), as values.

A row of a control section is a probe's name and what happened: `(open)`, `>> sent`, texts received, a close, or a refused
handshake. The probes themselves are in `PROBES`: the file shows of them only what they sent. A row of a routing section
is a message of the exchange and what four clients received.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

PAGE = Path(__file__).parent / "data" / "originals.txt"

SERVERS = {"ruby-0.4.4": "legacy", "ruby-0.6.3": "2.2", "rango-2.6.4": "3.x", "rango-3.1.3(master)": "3.x"}
"""The profile of each server. Ruby 3.1.1 is era D, which has none (sheet 9)."""

UID = "IDABC0000001"
MANY = json.dumps({"event": "subscribe", "streams": [f"m{number:03d}.trades" for number in range(60)]})


class Probe(NamedTuple):
    """How a client connects: the URL, the claims of its header's token, or the header itself, and its Origin."""

    url: str = "/"
    claims: dict[str, Any] | None = None
    header: str = ""
    origin: str = ""


TICKERS, ORDER = "?stream=global.tickers", "/?stream=order"
PROBES = {
    "/ no params": Probe(),
    "/public anon": Probe("/public" + TICKERS),
    "/public/ anon": Probe("/public/" + TICKERS),
    "/private anon": Probe("/private" + TICKERS),
    "/private/ anon": Probe("/private/" + TICKERS),
    "/api/v2/ranger anon": Probe("/api/v2/ranger" + TICKERS),
    "/whatever/x anon": Probe("/whatever/x" + TICKERS),
    "?stream=a.x&stream=b.y": Probe("/?stream=a.x&stream=b.y"),
    "?stream=a.x,b.y": Probe("/?stream=a.x,b.y"),
    "?stream= (empty)": Probe("/?stream="),
    "?foo=1&stream=a.x": Probe("/?foo=1&stream=a.x"),
    "?stream=a%2Ex (pct-encoded)": Probe("/?stream=a%2Ex"),
    "dup ?stream=a.x&stream=a.x": Probe("/?stream=a.x&stream=a.x"),
    "auth header good": Probe(ORDER, {}),
    "auth header good /private": Probe("/private?stream=order", {}),
    "auth header good, prefixed admin/sys": Probe("/", {"role": "admin"}),
    "auth header garbage on /": Probe(ORDER, header="Bearer garbage"),
    "auth header garbage on /private": Probe("/private?stream=order", header="Bearer garbage"),
    "auth header no Bearer": Probe(ORDER, header="garbage"),
    "auth header lowercase bearer": Probe(ORDER, header="bearer garbage"),
    "jwt expired on /": Probe(ORDER, {"exp": -10}),
    "jwt no exp on /": Probe(ORDER, {"exp": None}),
    "jwt no jti on /": Probe(ORDER, {"jti": None}),
    "jwt no sub on /": Probe(ORDER, {"sub": None}),
    "jwt sub=other on /": Probe(ORDER, {"sub": "other"}),
    "jwt iat future on /": Probe(ORDER, {"iat": 100}),
    "jwt nbf future on /": Probe(ORDER, {"nbf": 100}),
    "jwt no uid on /": Probe(ORDER, {"uid": None}),
    "jwt level string on /": Probe(ORDER, {"level": "3"}),
    "jwt aud string on /": Probe(ORDER, {"aud": "peatio"}),
    "jwt wrong iss on /": Probe(ORDER, {"iss": "nobody"}),
    "jwt as message": Probe(ORDER),
    "jwt as message, bad": Probe(ORDER),
    "Origin foreign": Probe(origin="http://evil.example"),
    "Origin same host": Probe(origin="http://localhost"),
}
"""Probes that are not named here connect to `/`."""


class Row(NamedTuple):
    """A server's answer to a probe, or to a message of the exchange."""

    server: str
    routing: bool
    name: str
    answer: Any


def rows() -> list[Row]:
    """Every row, in the order of the file."""
    found: list[Row] = []
    server, routing = "", False
    for line in PAGE.read_text("utf-8").splitlines():
        head = re.match(r"===== (ROUTING )?(\S+)", line)
        if head:
            server, routing = head[2], bool(head[1])
            continue
        row = re.match(r"  (.+?) +-> (.*)$", line)
        if row:
            found.append(Row(server, routing, row[1].strip(), read(row[2])))
    return found


def read(text: str) -> Any:
    """A Python literal, or the text itself."""
    return ast.literal_eval(text) if text[0] in "[{" else text


BODIES: list[tuple[str, str]] = [
    (
        "public.global.tickers",
        '{"eurusd":{"name":"EUR/USD","low":"1000.0","open":1000.0,"at":1588001398}}',
    ),
    ("global.tickers", '{"x":1}'),
    (
        "public.MKT.trades",
        '{"trades":[{"tid":7,"taker_type":"buy","date":1588000798,"price":"1020.0","amount":"0.001"}]}',
    ),
    ("public.MKT.kline-1m", "[1588204800,215.3,226.82,201.91566271,212.43,168224.36548725003]"),
    ("public.MKT.kline-1m", "[1588204800000000000000,1e-9,1.0,1E5,0.1,-0.0]"),
    ("public.MKT.trades", '{"z":"<a&b>\\u00e9\\u2028/","a":null,"n":12345678901234567890}'),
    ("foo.MKT.trades", '{"k":1}'),
    ("public.MKT.a.b", '{"k":1}'),
    ("public.MKT.trades", "not json"),
    ("public.MKT.trades", '"str"'),
    ("private.IDABC0000001.order", '{"id":22}'),
    ("private.IDABC0000002.order", '{"id":23}'),
    ("private.IDABC0000001.deposit_address", '{"id":23}'),
    ("public.MKT.ob-inc", '{"asks":["1","2"],"sequence":1}'),
    ("public.MKT.ob-snap", '{"asks":[["1","2"]],"bids":[],"sequence":2}'),
    ("public.MKT.ob-inc", '{"asks":["1","3"],"sequence":3}'),
    ("public.MKT.ob-snap", '{"asks":[["1","3"]],"bids":[],"sequence":3}'),
    ("public.MKT.ob-inc", '{"bids":["1",""],"sequence":9}'),
    ("admin.MKT.sys", '{"k":1}'),
    ("admin.MKT.cnt-snap", '{"s":1}'),
    ("admin.MKT.cnt-inc", '{"i":1}'),
]
"""The messages of the routing sections, whole: the file shows the beginning of each."""
