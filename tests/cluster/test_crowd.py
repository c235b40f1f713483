"""The same under fire with 2,000 readers of all dialects, each with a book that it verifies: 400 of each, half of them on
each gateway.

Two cores have to do for all of it, clients included, so most read a market where little is traded (crowd.py). `-s` shows
how much was.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.cluster.faults import Cut, Fault, Timed, gateway_killed, nats_servers_killed, venue_killed
from tests.cluster.rig import rig
from tests.cluster.test_fire import MANY, check_told, check_whole, fire, partition, told_when

pytestmark = pytest.mark.soak

EACH = 200
"""Readers of each dialect, on each gateway."""


@pytest.mark.parametrize("fault", [gateway_killed, venue_killed, nats_servers_killed])
async def test_killed(tmp_path: Path, fault: Fault) -> None:
    timed = Timed(fault.__name__, fault)
    began = time.time()
    async with rig(tmp_path) as one:
        reports = await fire(one, timed, rate=MANY, readers=EACH)
    print(told_when(reports, began))
    for report in reports:
        check_told(report)
    check_whole(reports, timed)


@pytest.mark.parametrize("both", [True, False], ids=["both ways", "one way"])
@pytest.mark.parametrize("name", ["g1", "v"])
async def test_half_a_minute_without_nats(tmp_path: Path, name: str, both: bool) -> None:
    await partition(tmp_path, Cut(name, "n", 30.0, both=both), rate=MANY, readers=EACH)
