"""Environments for the clients: one each, made once, kept under `.cache/clients` of the checkout.

One for Python is made with the Python that runs the tests (the pins install and work on CPython 3.11 and 3.13), one for
Node.js with the npm that is there. It is named after a hash of what goes into it, so a change of the pins makes a new
one and an old checkout still finds its own. Making one is safe when several test processes want it at once: the first
makes it, the others wait.

    python tests/clients/environments.py            make all that are missing
    python tests/clients/environments.py ccxt       make one
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache" / "clients"
BUILD_CONSTRAINTS = HERE / "build-constraints.txt"
MAKE_SECONDS = 240.0  # the slowest, which compiles, takes 40
PROGRESS = ("Collecting", "Building", "Installing", "Successfully", "added")
NODE_VERSION = 18  # the least that the drivers work with
NODE_FILES = ("package.json", "package-lock.json")

Say = Callable[[str], None]


class Environment(NamedTuple):
    """What runs a client's drivers, and the variables that it needs to find the client."""

    program: Path
    variables: dict[str, str]


class NoNode(RuntimeError):
    """A client needs Node.js, and this machine has none, or too old a one; the text says what to do."""


def say_on_stderr(text: str) -> None:
    """Progress, for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def client_names() -> list[str]:
    """The clients are the folders that have pins."""
    return sorted(
        {path.parent.name for pins in ("requirements.txt", NODE_FILES[-1]) for path in HERE.glob(f"*/{pins}")}
    )


def is_node(name: str) -> bool:
    return (HERE / name / NODE_FILES[0]).exists()


def home_of(name: str) -> Path:
    """Where the environment of a client is, or will be."""
    if is_node(name):
        parts = [(HERE / name / file).read_bytes() for file in NODE_FILES]
    else:
        parts = [(HERE / name / "requirements.txt").read_bytes(), BUILD_CONSTRAINTS.read_bytes(), sys.version.encode()]
    return CACHE / f"{name}-{hashlib.sha256(b'|'.join(parts)).hexdigest()[:12]}"


def environment(name: str, say: Say = say_on_stderr) -> Environment:
    """The environment of a client, which is made if it is not there. Raises NoNode."""
    home = home_of(name)
    node = find_node(name) if is_node(name) else None
    done = home / "complete"  # written last: an environment without it was left half made
    if not done.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with locked(home.with_suffix(".lock"), time.monotonic() + MAKE_SECONDS):
            if not done.exists():
                make(name, home, say)
                done.touch()
    if node:
        return Environment(node, {"NODE_PATH": str(home / "node_modules")})
    return Environment(home / "bin" / "python", {})


def find_node(name: str) -> Path:
    """The Node.js of this machine, with its npm. Raises NoNode."""
    wanted = f"{name} needs Node.js {NODE_VERSION} or newer and npm (on Debian: apt-get install nodejs npm)"
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        raise NoNode(f"{wanted}; they are not on the PATH")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0] or 0) < NODE_VERSION:
        raise NoNode(f"{wanted}; {node} is {version}")
    return Path(node)


@contextmanager
def locked(path: Path, deadline: float) -> Iterator[None]:
    """Hold a lock among processes. It ends with its holder, however that ends."""
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"another process has held {path} for too long") from None
                time.sleep(0.2)
        yield


def make(name: str, home: Path, say: Say) -> None:
    """Make an environment from nothing."""
    started = time.monotonic()
    say(f"{name}: making its environment in {home}")
    shutil.rmtree(home, ignore_errors=True)
    (make_node if is_node(name) else make_python)(name, home, say)
    say(f"{name}: its environment is ready after {time.monotonic() - started:.0f} s")


def make_python(name: str, home: Path, say: Say) -> None:
    run([sys.executable, "-m", "venv", str(home)], say, name)
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    run([*pip, "-r", str(HERE / name / "requirements.txt")], say, name)


def make_node(name: str, home: Path, say: Say) -> None:
    """What the lock file says, and nothing of what the packages would like to run."""
    home.mkdir(parents=True)
    for file in NODE_FILES:
        shutil.copy(HERE / name / file, home)
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    # npm loses its way where the path has a link in it.
    run(["npm", "ci", *quiet, "--prefix", str(home.resolve())], say, name)


def run(command: list[str], say: Say, name: str) -> None:
    """Run a command in a bounded time, showing how it gets on; with all it printed in the error if it fails."""
    # Old and new pip read the constraints of builds from different variables.
    settings = {"PIP_CONSTRAINT": str(BUILD_CONSTRAINTS), "PIP_BUILD_CONSTRAINT": str(BUILD_CONSTRAINTS)}
    printed = []
    with subprocess.Popen(
        command,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as process:
        watchdog = threading.Timer(MAKE_SECONDS, process.kill)
        watchdog.start()
        assert process.stdout is not None
        for line in process.stdout:
            printed.append(line)
            if line.strip().startswith(PROGRESS):
                say(f"{name}: {line.strip().partition(' (from')[0][:100]}")
        watchdog.cancel()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{''.join(printed[-60:])}")


def main() -> None:
    for name in sys.argv[1:] or client_names():
        try:
            print(f"{name}: {environment(name).program}")
        except NoNode as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
