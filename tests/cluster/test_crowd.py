"""The same under fire with 2,000 readers of all dialects, each with a book that it verifies: 400 of each, half of them on
each gateway.

Two cores have to do for all of it, clients included, so most read a market where little is traded (crowd.py). `-s` shows
how much was.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest

from tests.cluster.faults import Cut, Fault, Timed, gateway_killed, nats_server_killed, venue_killed
from tests.cluster.rig import NAMES, rig
from tests.cluster.test_fire import MANY, check_told, check_whole, fire, partition, told_when

pytestmark = pytest.mark.soak

EACH = 200
"""Readers of each dialect, on each gateway."""


KILLED: dict[str, dict[str, Fault]] = {
    "gateway": {"g1": gateway_killed},
    "venue": {"v1": venue_killed},
    "each NATS server": {name: partial(nats_server_killed, name) for name in NAMES[:3]},
}


@pytest.mark.parametrize("what", KILLED)
async def test_killed(tmp_path: Path, what: str) -> None:
    faults = [Timed(f"{name} killed", fault) for name, fault in KILLED[what].items()]
    began = time.time()
    async with rig(tmp_path) as one:
        reports = await fire(one, *faults, rate=MANY, readers=EACH)
    print(told_when(reports, began))
    for report in reports:
        check_told(report)
    check_whole(reports, faults)


@pytest.mark.parametrize("both", [True, False], ids=["both ways", "one way"])
@pytest.mark.parametrize(("name", "other"), [("g1", "n"), ("v", "n"), ("n1", "n2")])
async def test_half_a_minute_apart(tmp_path: Path, name: str, other: str, both: bool) -> None:
    await partition(tmp_path, Cut(name, other, 30.0, both=both), rate=MANY, readers=EACH)
