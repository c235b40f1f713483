"""The same journal comes to the same hash under another version of Python."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from polyfeed.app.recovery import recover
from tests.store.rig import CONFIG, write

ROOT = Path(__file__).resolve().parents[2]
PINS = ROOT / "requirements" / "run.txt"
OLDEST = (3, 11)


def other_python() -> Path | None:
    """A Python of another minor version, on the path or beside the one that runs this."""
    for minor in range(20, OLDEST[1] - 1, -1):
        if minor == sys.version_info.minor:
            continue
        name = f"python3.{minor}"
        found = [Path(one) for one in [shutil.which(name)] if one]
        found += sorted(Path(sys.base_prefix).parent.glob(f"3.{minor}*/bin/{name}"))
        for path in found:
            if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
                return path
    return None


def environment(python: Path) -> Path:
    """An environment of that Python with what polyfeed needs to run, made once; its interpreter."""
    version = subprocess.run([python, "-VV"], capture_output=True, check=True).stdout
    home = ROOT / ".cache" / "pythons" / hashlib.sha256(version + PINS.read_bytes()).hexdigest()[:12]
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            subprocess.run([python, "-m", "venv", "--clear", home / "venv"], check=True)
            pip = [home / "venv" / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "install", "--require-hashes", "-r", PINS], check=True)
            (home / "complete").touch()
    return home / "venv" / "bin" / "python"


@pytest.mark.slow
@pytest.mark.clients
def test_the_same_hash_under_another_python(tmp_path: Path) -> None:
    found = other_python()
    if found is None:
        pytest.skip("there is no second Python of version 3.11 or later")
    other = environment(found)
    asyncio.run(write(tmp_path, 2000))
    replica = recover(CONFIG, tmp_path).replica
    command = [other, "-m", "polyfeed", "replay", "--journal", tmp_path]
    told = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=False
    )
    lines = dict(line.split(maxsplit=1) for line in told.stdout.splitlines())
    assert told.stderr == ""
    assert lines["running"] == replica.history.mark().hash.hex()
    assert lines["state"] == replica.state_hash()
