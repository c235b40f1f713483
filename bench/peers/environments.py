"""What the other servers run in: made once, below `.cache/bench`, under the name of its pins' hash."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.native import CACHE

HERE = Path(__file__).resolve().parent
SECONDS = 300


class Missing(Exception):
    """A server cannot be had on this machine; the text says what it needs."""


def python() -> Path:
    """The interpreter of the Python servers."""
    home, done = _home("python", "requirements.txt")
    if not done:
        _run([sys.executable, "-m", "venv", "--clear", str(home)])
        pip = [str(home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        _run([*pip, "--requirement", str(HERE / "python" / "requirements.txt")])
        (home / "complete").touch()
    return home / "bin" / "python"


def node() -> tuple[Path, Path]:
    """Node.js, and the folder with the servers and what they need."""
    program = shutil.which("node")
    if program is None or shutil.which("npm") is None:
        raise Missing("Node.js with npm (on Debian: nodejs npm)")
    home, done = _home("node", "package-lock.json", "common.js", "ws.js", "uws.js")
    if not done:
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(HERE / "node", home)
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=home)
        (home / "complete").touch()
    return Path(program), home


def go() -> Path:
    """The compiled Go server, with Debian's own copy of the library."""
    compiler = shutil.which("go")
    if compiler is None or not Path("/usr/share/gocode/src/github.com/gorilla/websocket").is_dir():
        raise Missing("Go and its gorilla (on Debian: golang-go golang-github-gorilla-websocket-dev)")
    digest = hashlib.sha256((HERE / "gorilla.go").read_bytes()).hexdigest()[:16]
    program = CACHE / f"gorilla-{digest}"
    if not program.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        settings = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(CACHE / "go")}
        _run([compiler, "build", "-o", str(program), str(HERE / "gorilla.go")], settings)
    return program


def nginx() -> Path:
    """nginx with nchan."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None or not Path("/usr/lib/nginx/modules/ngx_nchan_module.so").exists():
        raise Missing("nginx with nchan (on Debian: nginx-light libnginx-mod-nchan)")
    return Path(program)


def _home(kind: str, *pins: str) -> tuple[Path, bool]:
    digest = hashlib.sha256(sys.version.encode())
    for pin in pins:
        digest.update((HERE / kind / pin).read_bytes())
    home = CACHE / f"peers-{kind}-{digest.hexdigest()[:12]}"
    return home, (home / "complete").exists()


def _run(command: list[str], settings: dict[str, str] | None = None, cwd: Path | None = None) -> None:
    everything = {**os.environ, **(settings or {})}
    what = f"{' '.join(command[:4])} …"
    try:
        done = subprocess.run(
            command, env=everything, cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"{what} did not end within {SECONDS} s") from None
    if done.returncode != 0:
        raise Missing(f"{what} failed: {done.stderr.strip()[-400:]}")
