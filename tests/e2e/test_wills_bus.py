"""SIGKILL of a gateway on NATS, also together with the venue: when its lease ends, so do the orders that were promised."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from polyfeed.app.children import Child
from polyfeed.app.cluster import Trial
from tests.e2e.desks import Desk, desks, orders_of, until_open

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("nats")]


@asynccontextmanager
async def cluster(directory: Path) -> AsyncIterator[Trial]:
    """A NATS server, a venue and two gateways."""
    trial = Trial(directory, 1, 0)
    try:
        await trial.start()
        yield trial
    finally:
        await trial.stop()


async def test_orders_end_with_the_gateway_that_is_killed(tmp_path: Path) -> None:
    async with cluster(tmp_path) as trial:
        first, second = (ports["rails"] for ports in trial.gateway_ports)
        gone, there = await desks(first), await desks(second)
        everything = {order for desk in (*gone, *there) for order in desk.orders}
        await until_open(second, everything)
        await trial.gateways[0].kill()
        await until_open(second, everything - orders_of(gone, bound=True))
        for desk in there:
            mine = {order for one in gone if one.bound and one.key == desk.key for order in one.orders}
            await desk.client.until(lambda desk=desk, mine=mine: mine <= cancelled(desk))
        for desk in gone:
            await desk.ended()
        # The venue that comes next has it from the journal whose leases it must see the end of.
        await trial.venue.kill()
        await trial.gateways[1].kill()
        for desk in there:
            await desk.ended()
        await trial.venue.start()
        await again(trial, trial.gateways[0])
        await until_open(first, orders_of([*gone, *there], bound=False))


async def again(trial: Trial, gateway: Child) -> None:
    """Starts a gateway once more; returns when it serves."""
    trial._ready[gateway.label].clear()
    await trial._begin(gateway)


def cancelled(desk: Desk) -> set[str]:
    """The orders of which a connection heard that they were."""
    texts = [text for text in desk.client.messages if '"order cancelled"' in text]
    return {text.partition('"orderId":"')[2].partition('"')[0] for text in texts}
