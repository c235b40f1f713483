"""docs/operations.md names tests that there are, and its figures are what the model gives."""

from __future__ import annotations

import re

import pytest

from bench import capacity
from polyfeed.bus.nats.names import Names
from polyfeed.bus.nats.terms import (
    BATCHES_BYTES,
    BATCHES_SECONDS,
    IMAGES_BYTES,
    MIN_VERSION,
    RECORDS_BYTES,
    SYNC,
    batches_config,
    records_config,
)
from tests.deploy.test_commands import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+)::(\w+)`", PAGE)))


def test_the_figures_are_what_the_model_gives() -> None:
    shown = PAGE.partition("<!-- python -m bench.capacity -->\n")[2].partition("<!-- end -->")[0]
    assert shown == capacity.tables()


def test_every_line_of_the_guarantees_names_a_test() -> None:
    lines = re.findall(r"^\| (?:memory|NATS) \|.*$", PAGE, re.M)
    assert len(lines) > 15
    assert all(re.search(r"`tests/[\w/.]+::\w+`", line) for line in lines)


@pytest.mark.parametrize(("place", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_test_that_is_named_is_there(place: str, name: str) -> None:
    path = ROOT / place
    files = sorted(path.rglob("test_*.py")) if path.is_dir() else [path]
    assert any(re.search(rf"^(async )?def {name}\(", one.read_text(encoding="utf-8"), re.M) for one in files)


def test_the_page_says_of_nats_what_the_terms_say() -> None:
    names = Names("NAME")
    for config, kept in (
        (batches_config(names, 3), f"one hour, {BATCHES_BYTES >> 30} GiB"),
        (records_config(names, 3), f"{RECORDS_BYTES >> 30} GiB, however old"),
    ):
        assert f"| `{config.name}` | {kept} | the oldest go |" in PAGE
    assert BATCHES_SECONDS == 3600
    assert f"| version | {'.'.join(map(str, MIN_VERSION))} |" in PAGE
    assert f"| `sync_interval` | `{SYNC}` |" in PAGE
    assert f"{BATCHES_BYTES + RECORDS_BYTES + IMAGES_BYTES >> 30} GiB free" in PAGE


def test_more_writes_mean_fewer_clients_and_no_gateway_more_than_its_limit() -> None:
    rates = [0.1, 1, 5, 10, 50, 100]
    clients = [capacity.each_gateway(rate) for rate in rates]
    assert clients == sorted(clients, reverse=True)
    assert clients[0] == capacity.ASSUMED["limit"].value
    # By hand: 1,000 batches of 60 µs and 500 parcels of 13 µs leave 533,500 µs of each second for writes of 5.7 µs.
    assert capacity.each_gateway(10) == int(533_500 / 57)


@pytest.mark.parametrize("sockets", capacity.SOCKETS)
def test_a_machine_may_be_lost(sockets: int) -> None:
    plan = capacity.plan(sockets)
    seats = int(capacity.ASSUMED["cores"].value) - 1
    assert (plan.gateways - min(seats, plan.gateways // 2)) * plan.each >= sockets
    assert plan.machines * seats >= plan.gateways
