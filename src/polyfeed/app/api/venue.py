"""Endpoints about the venue as a whole and its markets."""

from __future__ import annotations

from polyfeed.app.api import schemas
from polyfeed.app.api.endpoints import Call, Endpoint, Problem
from polyfeed.market.instrument import InstrumentState
from polyfeed.model.commands import SetInstrumentStatus, SetSystemStatus
from polyfeed.model.enums import InstrumentStatus
from polyfeed.model.numbers import format_scaled


async def system_status(call: Call) -> schemas.Status:
    """What all clients were last told."""
    return schemas.Status(call.server.market.system_status)


async def set_system_status(call: Call) -> schemas.Status:
    """Tells all clients."""
    await call.server.carry_out(SetSystemStatus(call.body.status))
    return schemas.Status(call.body.status)


async def instruments(call: Call) -> list[schemas.InstrumentView]:
    """Every market."""
    return [view(state) for state in call.server.market.instruments]


async def set_instrument_status(call: Call) -> schemas.InstrumentView:
    """Halts, restricts or reopens a market."""
    state, status = find(call, call.path["name"]), call.body.status
    if status not in {known.value for known in InstrumentStatus}:
        raise Problem(400, f"{status!r} is no status; there are {', '.join(InstrumentStatus)}")
    await call.server.carry_out(SetInstrumentStatus(state.instrument.id, InstrumentStatus(status)))
    return view(state)


def find(call: Call, name: str) -> InstrumentState:
    """A market by its canonical name. Raises Problem 404."""
    for state in call.server.market.instruments:
        if state.instrument.name == name:
            return state
    raise Problem(404, f"there is no instrument {name!r}; GET /api/instruments lists them")


def view(state: InstrumentState) -> schemas.InstrumentView:
    """A market for the wire."""
    one = state.instrument
    return schemas.InstrumentView(
        one.name,
        str(state.status),
        one.kind.name.lower(),
        one.base,
        one.quote,
        format_scaled(one.tick, one.price_scale),
        format_scaled(one.lot, one.size_scale),
        format_scaled(one.min_size, one.size_scale),
        one.symbols,
    )


ENDPOINTS = [
    Endpoint("GET", "/api/system/status", "What all clients were last told", system_status, schemas.Status, "open"),
    Endpoint(
        "PUT", "/api/system/status", "Tell all clients a status", set_system_status, schemas.Status, "operator",
        schemas.Status,
    ),
    Endpoint("GET", "/api/instruments", "Every market", instruments, list[schemas.InstrumentView], "open"),
    Endpoint(
        "PUT", "/api/instruments/{name}/status", "Halt, restrict or reopen a market", set_instrument_status,
        schemas.InstrumentView, "operator", schemas.Status,
    ),
]  # fmt: skip
