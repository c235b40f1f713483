"""tanx-connector 2.1.0, unmodified, against a running server: its WsClient speaks exactly Peatio's protocol."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from polyfeed.app.peatio_keys import demo_private_key
from polyfeed.dialects.peatio.auth import mint
from tests.brokers.conftest import server

from .environments import HERE, Say, environment

pytestmark = [pytest.mark.clients, pytest.mark.slow]


@pytest.mark.parametrize("profile", ["2.2", "3.x"])
def test_public_and_private_streams(profile: str, tmp_path: Path, say: Say) -> None:
    program, _ = environment("tanx", say)
    token = mint(demo_private_key(), {"uid": "ID1001"}, int(time.time() * 1e6))
    with server("--demo", "--set", f"peatio.profile={profile}", state=str(tmp_path)) as one:
        port = one.ports["peatio"]
        done = subprocess.run(
            [
                str(program),
                str(HERE / "tanx" / "drive.py"),
                "--public",
                f"ws://127.0.0.1:{port}/public",
                "--private",
                f"ws://127.0.0.1:{port}/private?auth_header={token}",
            ],
            capture_output=True,
            text=True,
            timeout=90,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    said = {found.pop("finding"): found for found in map(json.loads, done.stdout.splitlines())}
    assert said["welcome"]["text"] == '{"success":{"message":"subscribed","streams":[]}}'
    both = '{"success":{"message":"subscribed","streams":["btcusd.trades","btcusd.ob-inc"]}}'
    assert said["subscribed"]["text"] == both
    assert said["unsubscribed"]["text"] == '{"success":{"message":"unsubscribed","streams":["btcusd.trades"]}}'
    assert said["private subscribed"]["text"] == '{"success":{"message":"subscribed","streams":["order","trade"]}}'
    assert said["result"]["ok"]
