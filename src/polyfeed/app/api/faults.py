"""Endpoints by which faults are done on purpose, and the connections that they can be done to."""

from __future__ import annotations

from polyfeed.app.api import schemas
from polyfeed.app.api.endpoints import Call, Endpoint, Problem, number_in
from polyfeed.dialects._base.effects import ANY, FeedKey
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.faults.faults import Fault, Faults
from polyfeed.gateway.faults.terms import Refused, Terms
from polyfeed.market.market import Market

ALL = "all"


async def connections(call: Call) -> list[schemas.ConnectionView]:
    """The open connections of all dialects."""
    check_own(call)
    market = call.server.market
    return [connection_view(name, one, market) for name, fan in call.server.fans.items() for one in fan.connections]


async def faults(call: Call) -> list[schemas.FaultView]:
    """The faults in force."""
    return [fault_view(one) for one in allowed(call).active()]


async def inject(call: Call) -> schemas.FaultView:
    """Does a fault to connections that are open now."""
    known, body = allowed(call), call.body
    number = None if body.connection is None else number_in(body.connection, 20)
    if body.connection is not None and number is None:
        raise Problem(400, f"{body.connection!r} is no connection; GET /api/connections lists them")
    if body.dialect != ALL and body.dialect not in call.server.fans:
        raise Problem(409, f"the dialect {body.dialect} is not enabled")
    terms = Terms(body.kind, body.seconds, body.ms, body.count)
    try:
        terms.check()
    except Refused as refused:
        raise Problem(400, str(refused)) from refused
    try:
        return fault_view(known.inject(None if body.dialect == ALL else body.dialect, number, terms))
    except Refused as refused:
        raise Problem(409, str(refused)) from refused


async def clear_faults(call: Call) -> list[schemas.FaultView]:
    """Ends every fault."""
    known = allowed(call)
    ended = [fault_view(one) for one in known.active()]
    known.clear_all()
    return ended


async def clear_fault(call: Call) -> list[schemas.FaultView]:
    """Ends one fault; those that are left."""
    known, number = allowed(call), number_in(call.path["fault"])
    if number is None or not known.clear(number):
        raise Problem(404, f"no fault {call.path['fault']} is in force; GET /api/faults lists them")
    return [fault_view(one) for one in known.active()]


def allowed(call: Call) -> Faults:
    """The server's faults. Raises Problem 403 where its configuration does not have them."""
    if not call.server.config.http.faults:
        raise Problem(403, "faults on purpose are off; --set http.faults=true, or --demo, turns them on")
    check_own(call)
    return call.server.faults


def check_own(call: Call) -> None:
    """Raises Problem 409 where connections are served by other processes, which are out of reach here."""
    if call.server.workers is not None:
        raise Problem(409, "the connections are in the workers' processes: start without --workers to reach them")


def fault_view(one: Fault) -> schemas.FaultView:
    """A fault for the wire."""
    terms = one.terms
    return schemas.FaultView(
        one.number,
        one.dialect or ALL,
        None if one.connection is None else str(one.connection),
        terms.kind,
        terms.seconds,
        terms.ms,
        terms.count,
        [str(number) for number in one.touched],
        one.hits,
    )


def connection_view(dialect: str, one: Connection, market: Market) -> schemas.ConnectionView:
    """A connection for the wire."""
    account = next((key.account for key in one.feeds if key.account), 0)
    subscriptions = [subscription(key, market) for key in one.feeds]
    return schemas.ConnectionView(str(one.number), dialect, account, subscriptions, one.waiting(), one.closing)


def subscription(key: FeedKey, market: Market) -> str:
    """What a feed is of: `book-10 BTC-USD`; the account's own channels have no market."""
    channel = f"{key.channel}-{key.parameter}" if key.parameter else key.channel
    if key.account or key.instrument == ANY or key.instrument >= len(market.instruments):
        return channel
    return f"{channel} {market.instruments[key.instrument].instrument.name}"


ENDPOINTS = [
    Endpoint(
        "GET", "/api/connections", "The open connections", connections, list[schemas.ConnectionView], "operator",
    ),
    Endpoint("GET", "/api/faults", "The faults in force", faults, list[schemas.FaultView], "operator"),
    Endpoint(
        "POST", "/api/faults", "Do a fault to connections that are open now", inject, schemas.FaultView, "operator",
        schemas.NewFault, status=201,
    ),
    Endpoint("DELETE", "/api/faults", "End every fault", clear_faults, list[schemas.FaultView], "operator"),
    Endpoint("DELETE", "/api/faults/{fault}", "End a fault", clear_fault, list[schemas.FaultView], "operator"),
]  # fmt: skip
