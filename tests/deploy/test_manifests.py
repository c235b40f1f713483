"""What deploy/ says in several places is the same in all of them, and fits polyfeed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from polyfeed.app.config import load
from polyfeed.app.doctor.machine import OTHER_FILES, check_kernel
from polyfeed.app.nats_server import nats_server
from polyfeed.bus.nats.terms import BATCHES_BYTES, IMAGES_BYTES, RECORDS_BYTES, SYNC
from polyfeed.dialects.registry import DIALECTS
from tests.deploy.test_commands import DEPLOY, ROOT, TOML, documents

CONFIG = load(TOML, {}, [])
PORTS = {name: getattr(CONFIG, name).port for name in DIALECTS}
FAREWELL = 5
"""Seconds that a stop takes beside `server.drain_seconds`."""
COMPOSE = documents("docker/compose.yaml")[0]
KUBERNETES = [
    one for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")) for one in documents(f"kubernetes/{path.name}")
]


def found(kind: str, name: str) -> dict[str, Any]:
    """One object of the manifests."""
    (one,) = [one for one in KUBERNETES if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return one


def pods(kind: str, name: str) -> dict[str, Any]:
    return found(kind, name)["spec"]["template"]["spec"]


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


# --- compose --------------------------------------------------------------------------------------------------------


def test_compose_has_what_its_services_name() -> None:
    services = COMPOSE["services"]
    assert {"nats-1", "nats-2", "nats-3", "venue-1", "venue-2", "gateway-1", "gateway-2"} < set(services)
    for service in services.values():
        for other in service.get("depends_on", {}):
            assert "healthcheck" in services[other]
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            there = (DEPLOY / "docker" / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
            assert there, volume
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    hosts = [port.rsplit(":", 1)[0] for service in services.values() for port in service.get("ports", [])]
    assert len(hosts) == len(set(hosts))
    assert all(host.startswith("127.0.0.1:") for host in hosts)
    assert "secrets/" in (DEPLOY / "docker" / ".gitignore").read_text().split()


def test_compose_waits_for_farewells_and_allows_the_connections() -> None:
    for name in ("venue-1", "venue-2", "gateway-1", "gateway-2"):
        service = COMPOSE["services"][name]
        assert seconds(service["stop_grace_period"]) > CONFIG.server.drain_seconds + FAREWELL
        assert service["ulimits"]["nofile"] >= CONFIG.gateway.connections + OTHER_FILES
        assert CONFIG.http.token_file == f"/run/secrets/{service['secrets'][0]}"
    for number in ("1", "2"):
        ports = COMPOSE["services"][f"gateway-{number}"]["ports"][0].split(":")[-1].split("-")
        assert (int(ports[0]), int(ports[1])) == (min(PORTS.values()), max(PORTS.values()))


def test_the_image_is_built_of_what_there_is() -> None:
    text = (DEPLOY / "docker" / "Dockerfile").read_text()
    allowed = set((DEPLOY / "docker" / "Dockerfile.dockerignore").read_text().splitlines())
    copied = [word for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.M) for word in line.split()]
    assert {"src", "requirements", "pyproject.toml"} < set(copied)
    for one in copied:
        assert (ROOT / one).exists()
        assert f"!{one}" in allowed
    for one in re.findall(r"-r (requirements/\S+)", text):
        assert (ROOT / one).is_file()
    assert "USER 10001" in text


# --- Kubernetes -----------------------------------------------------------------------------------------------------


def test_kustomization_names_every_manifest_and_file() -> None:
    (kustomization,) = documents("kustomization.yaml")
    listed = {DEPLOY / one for one in kustomization["resources"]}
    assert listed == set((DEPLOY / "kubernetes").glob("*.yaml"))
    files = {one["name"]: one["files"] for one in kustomization["configMapGenerator"]}
    assert files == {"polyfeed": ["polyfeed.toml"], "nats": ["nats/nats.conf"]}
    for names in files.values():
        assert all((DEPLOY / name).is_file() for name in names)
    mounted = {
        volume["configMap"]["name"]
        for kind, name in (
            ("Deployment", "polyfeed-gateway"),
            ("StatefulSet", "polyfeed-venue"),
            ("StatefulSet", "nats"),
        )
        for volume in pods(kind, name)["volumes"]
        if "configMap" in volume
    }
    assert mounted == set(files)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubectl_puts_it_together() -> None:
    done = subprocess.run(
        ["kubectl", "kustomize", str(DEPLOY)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    kinds = [one["kind"] for one in yaml.safe_load_all(done.stdout)]
    assert sorted(kinds) == sorted([*(one["kind"] for one in KUBERNETES), "ConfigMap", "ConfigMap"])


def test_kubernetes_waits_for_farewells() -> None:
    gateway = pods("Deployment", "polyfeed-gateway")
    word, pause = gateway["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert word == "sleep"
    assert gateway["terminationGracePeriodSeconds"] >= int(pause) + CONFIG.server.drain_seconds + FAREWELL
    venue = pods("StatefulSet", "polyfeed-venue")
    assert venue["terminationGracePeriodSeconds"] > CONFIG.server.drain_seconds + FAREWELL


def test_kubernetes_asks_readiness_and_life_at_their_own_places() -> None:
    container = pods("Deployment", "polyfeed-gateway")["containers"][0]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    venue = pods("StatefulSet", "polyfeed-venue")["containers"][0]
    paths = {kind: venue[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    assert ports == {**PORTS, "operator": CONFIG.http.port}
    assert {one["name"]: one["port"] for one in found("Service", "polyfeed-gateway")["spec"]["ports"]} == PORTS


def test_kubernetes_policies_name_pods_and_ports_that_there_are() -> None:
    apps = {
        one["spec"]["template"]["metadata"]["labels"]["app"] for one in KUBERNETES if "template" in one.get("spec", {})
    }
    text = "\n".join(
        yaml.safe_dump(one) for one in KUBERNETES if one["kind"] in {"NetworkPolicy", "PodDisruptionBudget"}
    )
    assert set(re.findall(r"app: (\S+)", text)) == apps == {"nats", "polyfeed-venue", "polyfeed-gateway"}
    opened = found("NetworkPolicy", "polyfeed-gateway")["spec"]["ingress"][0]["ports"][0]
    assert (opened["port"], opened["endPort"]) == (min(PORTS.values()), max(PORTS.values()))
    assert {one["metadata"]["name"] for one in KUBERNETES if one["kind"] == "PodDisruptionBudget"} == {
        "nats",
        "polyfeed-gateway",
    }


def test_kubernetes_pods_have_the_secrets_where_polyfeed_looks() -> None:
    for kind, name in (("Deployment", "polyfeed-gateway"), ("StatefulSet", "polyfeed-venue")):
        spec = pods(kind, name)
        mounts = {one["name"]: one["mountPath"] for one in spec["containers"][0]["volumeMounts"]}
        assert mounts["key"] == f"{CONFIG.server.state_dir}/master.key"
        assert CONFIG.http.token_file == f"{mounts['token']}/operator.token"
        assert set(mounts) - {"state"} <= {volume["name"] for volume in spec["volumes"]}
        security = spec["containers"][0]["securityContext"]
        assert (security["readOnlyRootFilesystem"], security["allowPrivilegeEscalation"]) == (True, False)


# --- systemd --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["polyfeed-venue.service", "polyfeed-gateway@.service"])
def test_units_wait_for_farewells_and_allow_the_connections(name: str) -> None:
    text = (DEPLOY / "systemd" / name).read_text()
    assert int(re.search(r"^TimeoutStopSec=(\d+)$", text, re.M)[1]) > CONFIG.server.drain_seconds + FAREWELL  # type: ignore[index]
    assert int(re.search(r"^LimitNOFILE=(\d+)$", text, re.M)[1]) >= CONFIG.gateway.connections + OTHER_FILES  # type: ignore[index]
    assert f"StateDirectory={Path(CONFIG.server.state_dir).name}" in text
    assert "NoNewPrivileges=yes" in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    program = tmp_path / "polyfeed"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for path in (DEPLOY / "systemd").glob("*.service"):
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/polyfeed/bin/polyfeed", str(program)))
    units = [str(tmp_path / one) for one in ("polyfeed-venue.service", "polyfeed-gateway@0.service")]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_kernels_settings_are_what_the_doctor_wants(tmp_path: Path) -> None:
    lines = (DEPLOY / "systemd" / "60-polyfeed.conf").read_text().splitlines()
    for line in lines:
        if not line.startswith("#"):
            name, _, value = line.partition(" = ")
            path = tmp_path / name.replace(".", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(value)
    judged = check_kernel(CONFIG, tmp_path)
    assert len(judged) == 4
    assert {one.level for one in judged} == {"ok"}


# --- NATS -----------------------------------------------------------------------------------------------------------


def test_nats_takes_its_configuration() -> None:
    path = DEPLOY / "nats" / "nats.conf"
    flags = ["--name", "nats-0", "--routes", "nats://nats-0.nats:6222"]
    done = subprocess.run(
        [nats_server(), "-t", "--config", str(path), *flags], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    text = path.read_text()
    assert f'sync_interval: "{SYNC}"' in text
    room = int(re.search(r"max_file_store: (\d+)GB", text)[1]) << 30  # type: ignore[index]
    assert room >= BATCHES_BYTES + RECORDS_BYTES + IMAGES_BYTES
    for one in (*COMPOSE["services"].values(), {"image": pods("StatefulSet", "nats")["containers"][0]["image"]}):
        if one["image"].startswith("nats:"):
            assert one["image"] == "nats:2.12-alpine"
    claim = found("StatefulSet", "nats")["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"]
    assert int(claim.removesuffix("Gi")) << 30 >= room
