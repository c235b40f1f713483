"""Every metric that an alert or the dashboard names is one that a running venue or gateway gives."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from polyfeed.app.cluster import Trial
from tests.deploy.test_commands import DEPLOY, ROOT, documents

FUNCTIONS = {"absent", "sum", "max", "min", "rate", "increase", "by", "without", "or", "and", "unless", "on", "for"}
PROMETHEUS = {"up"}
"""What Prometheus says of its targets by itself."""

DASHBOARD = json.loads((DEPLOY / "grafana" / "polyfeed.json").read_text(encoding="utf-8"))
ALERTS = [rule for group in documents("prometheus/alerts.yml")[0]["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    for rule in ALERTS:
        yield rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def metrics_of(expression: str) -> set[str]:
    """The names of metrics in a PromQL expression: words that are no function, label, text or duration."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(by|without|on)\s*\([^)]*\)', " ", expression)
    return set(re.findall(r"[A-Za-z_:][\w:]*", bare)) - FUNCTIONS


def metrics_at(port: int) -> set[str]:
    """The names of what a process gives."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        lines = response.read().decode().splitlines()
    return {re.split(r"[{ ]", line)[0] for line in lines if line and not line.startswith("#")}


def test_metrics_are_found_in_expressions() -> None:
    text = 'sum by (instance) (rate(polyfeed_x_total{job="up"}[30s])) > 4 or up{a="b"} == 0'
    assert metrics_of(text) == {"polyfeed_x_total", "up"}


@pytest.mark.slow
@pytest.mark.xdist_group("nats")
async def test_a_running_cluster_gives_every_metric(tmp_path: Path) -> None:
    trial = Trial(tmp_path, 1, 0)
    given: dict[str, set[str]] = {}
    try:
        await trial.start()
        for job, port in (("polyfeed-venue", trial.venue_port), ("polyfeed-gateway", trial.gateway_ports[0]["http"])):
            given[job] = await asyncio.to_thread(metrics_at, port)
    finally:
        await trial.stop()
    for expression in expressions():
        names = metrics_of(expression)
        assert names, expression
        assert names <= set.union(*given.values()) | PROMETHEUS, expression
        for name, job in re.findall(r'(polyfeed_\w+)\{job="([\w-]+)"\}', expression):
            assert name in given[job], f"{job} gives no {name}"


def test_alerts_have_a_name_a_summary_and_a_place_in_the_page() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    names = [rule["alert"] for rule in ALERTS]
    assert len(names) == len(set(names)) > 8
    for rule in ALERTS:
        assert rule["labels"]["severity"] in {"page", "warn"}
        assert rule["annotations"]["summary"].endswith(".")
        assert f"`{rule['alert']}`" in page
    assert set(re.findall(r"`(Polyfeed\w+)`", page)) == set(names)


def test_prometheus_scrapes_the_services_of_compose() -> None:
    (config,) = documents("prometheus/prometheus.yml")
    (compose,) = documents("docker/compose.yaml")
    targets = {
        job["job_name"]: [target for one in job["static_configs"] for target in one["targets"]]
        for job in config["scrape_configs"]
    }
    services = compose["services"]
    for kind in ("venue", "gateway"):
        assert targets[f"polyfeed-{kind}"] == [f"{name}:9000" for name in services if name.startswith(f"{kind}-")]
    assert set(re.findall(r'job="([\w-]+)"', " ".join(expressions()))) == set(targets)


def test_the_dashboards_panels_are_apart() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 10
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        mine = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not mine & cells
        cells |= mine
        assert panel["datasource"]["uid"] == documents("grafana/datasource.yaml")[0]["datasources"][0]["uid"]
