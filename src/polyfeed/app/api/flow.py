"""Endpoints by which an operator holds the flow, moves it by hand, and changes its speed."""

from __future__ import annotations

from polyfeed.app.api import schemas
from polyfeed.app.api.endpoints import Call, Endpoint, Problem


async def flow(call: Call) -> schemas.FlowView:
    """How the flow goes on."""
    return view(call)


async def control_flow(call: Call) -> schemas.FlowView:
    """Changes it."""
    driver, wanted = call.server.driver, call.body
    speed = driver.speed if wanted.speed is None else wanted.speed
    driver.control(speed, driver.paused if wanted.paused is None else wanted.paused)
    return view(call)


async def step_flow(call: Call) -> schemas.FlowView:
    """Moves a flow that stands still."""
    if not call.server.driver.paused:
        raise Problem(409, "the flow runs by itself: pause it before you step it")
    call.server.driver.advance(call.body.milliseconds * 1000)
    return view(call)


def view(call: Call) -> schemas.FlowView:
    """The flow for the wire."""
    driver = call.server.driver
    return schemas.FlowView(driver.speed, driver.paused, driver.sources)


ENDPOINTS = [
    Endpoint("GET", "/api/flow", "How the flow goes on", flow, schemas.FlowView, "open"),
    Endpoint(
        "POST", "/api/flow", "Pause the flow, let it go on, change its speed", control_flow, schemas.FlowView,
        "operator", schemas.FlowControl,
    ),
    Endpoint(
        "POST", "/api/flow/step", "Move a flow that stands still", step_flow, schemas.FlowView, "operator",
        schemas.FlowStep,
    ),
]  # fmt: skip
