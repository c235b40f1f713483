"""The compiled parts of the benchmark, and how to run them from Python.

Four programs in `bench/c`, compiled on demand into `.cache/bench` under the name of their sources' hash:

* `load`, a WebSocket client that opens thousands of connections and counts what arrives (`Load`, `run_load`);
* `orders`, a client that enters orders over Rails' WebSocket at a steady rate and times the answers (`Orders`);
* `crowd`, Kraken clients that keep a book each and come back when they are cut off (tests/e2e/crowd.py runs it);
* `sendloop`, a server that does nothing but `send()` frames made beforehand: the limit to compare with (`SendLoop`,
  `c_limit`).

Each runs as a process of its own, pinned to one CPU if asked, and every wait is bounded. Leaving the `with` block of a
program ends it, and only it. The options are the programs' own; `load --help` and so on explain them.

    with hold(LoadOptions(port=9001, connections=1000), cpu=1):
        print(resident_bytes(server.pid))
"""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "bench" / "c"
CACHE = ROOT / ".cache" / "bench"
FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror")
UNITS = {
    "load": ("load.c", "client.c", "common.c", "histogram.c", "stamp.c", "ws.c"),
    "orders": ("orders.c", "client.c", "common.c", "histogram.c", "stamp.c", "ws.c"),
    "crowd": ("crowd.c", "book.c", "client.c", "common.c", "histogram.c", "stamp.c", "ws.c"),
    "burst": ("burst.c",),
    "sendloop": ("sendloop.c", "common.c", "stamp.c", "ws.c"),
}

LatencyKind = Literal["ns", "kraken", "kraken-max"]


class NativeError(Exception):
    """A program could not be compiled, said that it failed, or did not end in time."""


# ------------------------------------------------------------------------------------------------------------ compiling


def build(name: str) -> Path:
    """The path of a compiled program; compiles it unless these very sources were before.

    The compiler is `$CC`, or `cc`. Raises NativeError with its messages.
    """
    return _compiled(name, FLAGS)


def build_library(name: str) -> Path:
    """The path of the compiled shared library `burst`, likewise."""
    return _compiled(name, (*FLAGS, "-shared", "-fPIC"))


def _compiled(name: str, flags: tuple[str, ...]) -> Path:
    compiler = shlex.split(os.environ.get("CC", "cc"))
    units = [SOURCES / unit for unit in UNITS[name]]
    digest = hashlib.sha256(" ".join((*compiler, *flags)).encode())
    for source in sorted({*units, *SOURCES.glob("*.h")}):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    program = CACHE / f"{name}-{digest.hexdigest()[:16]}"
    if program.exists():
        return program
    if shutil.which(compiler[0]) is None:
        raise NativeError(f"no C compiler: {compiler[0]} is not on the PATH")
    CACHE.mkdir(parents=True, exist_ok=True)
    # Two processes may compile at once: each into a folder of its own, and the last rename wins.
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        made = Path(folder) / name
        command = [*compiler, *flags, "-o", str(made), *map(str, units)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise NativeError(f"{name} does not compile:\n{done.stderr}")
        made.replace(program)
    return program


# -------------------------------------------------------------------------------------------------- options and results


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """The command line of `load`, each field an option of that name. Times are seconds."""

    port: int
    connections: int
    host: str = "127.0.0.1"
    path: str = "/"
    header: tuple[str, ...] = ()
    sources: int | None = None  # addresses to connect from; one for each 20,000 connections
    ramp: float = 0  # connections opened per second; 0: as fast as they are accepted
    in_flight: int = 64  # handshakes at a time
    timeout: float = 60  # for all to become ready
    send: tuple[str, ...] = ()  # each connection sends all of these
    send_file: Path | None = None  # then line (its number mod lines) of this file
    line_tail: str | None = None  # with this behind it
    ready_text: str | None = None  # a connection is ready after `ready_count` frames with it
    ready_count: int = 1
    go: bool = False  # then wait for go()
    warmup_frames: int = 0
    warmup_seconds: float = 0
    seconds: float = 5  # the window
    until_frames: int | None = None  # the window ends early with this many
    idle: float | None = None  # only hold the connections so long, in place of `seconds`
    ignore: str | None = None  # frames with this text are counted apart
    latency: LatencyKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOptions:
    """The command line of `sendloop`, each field an option of that name. One of `size` and `frame_file` is needed."""

    connections: int
    host: str = "127.0.0.1"
    port: int = 0  # 0: one that is free; SendLoop.port tells
    size: int | None = None  # payload bytes
    frame_file: Path | None = None  # the payload
    join: int = 1  # frames in one send
    seconds: float = 5
    rounds: int | None = None  # sends to each connection, in place of `seconds`
    rate: float = 0  # frames per second to each connection, stamped; 0: as fast as possible
    sndbuf: int | None = None
    timeout: float = 60  # for all clients to connect
    linger: float = 2  # for all clients to close


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersOptions:
    """The command line of `orders`, each field an option of that name. Times are seconds."""

    port: int
    connections: int
    headers: Path  # connection i sends line (i mod lines) with its handshake
    path: str = "/"
    order: str  # what a createOrder says beside its clientRequestId
    rate: float = 1000  # orders per second over all connections, and as many cancellations
    warmup_seconds: float = 1
    seconds: float = 5
    linger: float = 5  # at most so long for the last answers
    timeout: float = 60  # for all to become ready


@dataclass(frozen=True, slots=True)
class Latency:
    """What `count` frames or requests took, in microseconds; percentiles are good to 0.4 %."""

    count: int
    mean_us: float
    p50_us: float
    p90_us: float
    p99_us: float
    p99_9_us: float
    max_us: float
    early: int = 0  # frames from the future, counted as 0: the clocks differ
    untimed: int = 0  # data frames without a time, not in `count`


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What `load` counted in its window. `frames` are data frames, without the ignored; `bytes` has their heads."""

    connections: int
    open: int  # at the window's end
    handshake_seconds: float  # from the start until all were open
    ready_seconds: float  # from the start until all were ready
    frames: int
    bytes: int
    payload_bytes: int
    seconds: float  # the window
    active_seconds: float  # from its first frame to its last
    frames_per_second: float  # by `seconds`
    bytes_per_second: float
    frames_min: int  # of one connection
    frames_max: int
    ignored: int
    pings: int
    pongs: int
    fragments: int
    compressed: int
    protocol_errors: int
    cpu_user: float  # seconds of this client: near `seconds`, it was the bottleneck
    cpu_sys: float
    closed: dict[int, int]  # connections by close code, 1006 where the server gave none; from the start on
    latency: Latency | None


@dataclass(frozen=True, slots=True)
class OrdersResult:
    """What `orders` timed in its window: each request from when it was meant to be sent, late or not."""

    connections: int
    orders: int
    cancels: int
    unanswered: int  # of both
    refused: int
    first_refusal: str
    forgotten: int  # orders that were left open
    seconds: float
    created: Latency  # until createOrder's 202
    accepted: Latency  # until its 200
    cancelling: Latency
    cancelled: Latency
    late: Latency  # of this client itself
    cpu_user: float
    cpu_sys: float


@dataclass(frozen=True, slots=True)
class SendResult:
    """What `sendloop` sent. A round is one send to each connection; `frames` is sends times join."""

    connections: int
    dropped: int  # clients that went away or took nothing for 5 s
    payload_bytes: int  # of one frame
    frame_bytes: int
    join: int
    rounds: int
    sends: int
    stalls: int  # waits for a socket that was full
    frames: int
    bytes: int
    seconds: float
    frames_per_second: float
    cpu_user: float
    cpu_sys: float
    cpu_us_per_frame: float
    late_max_us: float  # paced: the latest start of a round


@dataclass(frozen=True, slots=True)
class Limit:
    """One run of the C loop against the load client, which count alike: `load.frames == send.frames`."""

    send: SendResult
    load: LoadResult


Options = LoadOptions | OrdersOptions | SendOptions


def _arguments(options: Options) -> list[str]:
    words: list[str] = []
    for field in fields(options):
        name, value = "--" + field.name.replace("_", "-"), getattr(options, field.name)
        if value is True:
            words.append(name)
        elif isinstance(value, tuple):
            words.extend(f"{name}={each}" for each in value)
        elif value is not None and value is not False:
            words.append(f"{name}={value}")
    return words


def _load_result(data: Mapping[str, Any]) -> LoadResult:
    values = {field.name: data[field.name] for field in fields(LoadResult)}
    values["closed"] = {int(code): count for code, count in data["closed"].items()}
    values["latency"] = Latency(**data["latency"]) if data["latency"] is not None else None
    return LoadResult(**values)


def _orders_result(data: Mapping[str, Any]) -> OrdersResult:
    values = {field.name: data[field.name] for field in fields(OrdersResult)}
    times = ("created", "accepted", "cancelling", "cancelled", "late")
    return OrdersResult(**values | {name: Latency(**data[name]) for name in times})


def _send_result(data: Mapping[str, Any]) -> SendResult:
    return SendResult(**{field.name: data[field.name] for field in fields(SendResult)})


# -------------------------------------------------------------------------------------------------------------- running


class _Program:
    """A running program: its notices on stderr, its commands on stdin, its one JSON object on stdout at the end."""

    def __init__(self, name: str, options: Options, cpu: int | None) -> None:
        self._name = name
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._process = subprocess.Popen(
            [build(name), *_arguments(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, name=f"{name} stderr", daemon=True)
        self._reader.start()
        if cpu is not None:
            pin(self._process.pid, cpu)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def progress(self) -> list[dict[str, Any]]:
        """The notices so far that are JSON objects: for `load`, one each second."""
        with self._changed:
            return [json.loads(line) for line in self._lines if line.startswith("{")]

    def wait_ready(self, timeout: float = 60) -> None:
        """Return when every connection is up (and, for `load`, has its ready text)."""
        self._await(lambda: "ready" in self._lines, timeout, "ready")

    def go(self) -> None:
        """Let it begin, if it waits for that."""
        self._command("go")

    def stop(self) -> None:
        """Ask it to end now; a result that has begun still comes."""
        self._command("stop")

    def close(self) -> None:
        """End it if it runs: SIGTERM, then after 3 s SIGKILL."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None and not pipe.closed:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._changed:
                self._lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _await(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: condition() or self._ended, timeout):
                raise NativeError(f"{self._name} was not {what} after {timeout:g} s")
            if condition():
                return
        self._finish(timeout)
        raise NativeError(f"{self._name} ended before it was {what}")

    def _command(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; its result says why

    def _finish(self, timeout: float) -> dict[str, Any]:
        """The JSON object at the end. Raises NativeError when there is none, or it tells of an error."""
        assert self._process.stdout is not None
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.close()
            raise NativeError(f"{self._name} did not end within {timeout:g} s") from None
        self._reader.join()
        text = self._process.stdout.read()
        if not text:
            raise NativeError(f"{self._name} ended with status {status}: {'; '.join(self._lines[-3:])}")
        data: dict[str, Any] = json.loads(text)
        if "error" in data:
            raise NativeError(f"{self._name}: {data['error']}")
        return data


class Load(_Program):
    """A running load client. It starts at once; its window opens by its options, or with go()."""

    def __init__(self, options: LoadOptions, *, cpu: int | None = None) -> None:
        super().__init__("load", options, cpu)

    def result(self, timeout: float = 120) -> LoadResult:
        """Wait for the end of the window and return what was counted."""
        return _load_result(self._finish(timeout))


class Orders(_Program):
    """A running order client. It starts at once."""

    def __init__(self, options: OrdersOptions, *, cpu: int | None = None) -> None:
        super().__init__("orders", options, cpu)

    def result(self, timeout: float = 120) -> OrdersResult:
        """Wait for the last answer and return what was timed."""
        return _orders_result(self._finish(timeout))


class SendLoop(_Program):
    """A running send loop. It listens at `port` when the constructor returns, and sends after go()."""

    def __init__(self, options: SendOptions, *, cpu: int | None = None) -> None:
        super().__init__("sendloop", options, cpu)
        try:
            self._await(lambda: bool(self._listening()), 10, "listening")
            self.port = self._listening()[0]
        except BaseException:
            self.close()
            raise

    def result(self, timeout: float = 120) -> SendResult:
        """Wait for the end of the sending and return what was sent."""
        return _send_result(self._finish(timeout))

    def _listening(self) -> list[int]:
        notices = (json.loads(line) for line in self._lines if line.startswith("{"))
        return [notice["listening"] for notice in notices if "listening" in notice]


def run_load(options: LoadOptions, *, cpu: int | None = None, timeout: float = 120) -> LoadResult:
    """Run the load client from its start to its result, within `timeout` seconds."""
    with Load(options, cpu=cpu) as load:
        return load.result(timeout)


@contextmanager
def hold(options: LoadOptions, *, cpu: int | None = None, timeout: float = 60) -> Iterator[Load]:
    """Hold idle connections, all of them ready, for as long as the block lasts (at most `options.idle`, or an hour)."""
    values = {field.name: getattr(options, field.name) for field in fields(options)}
    with Load(LoadOptions(**values | {"idle": options.idle or 3600}), cpu=cpu) as load:
        load.wait_ready(timeout)
        yield load


def c_limit(
    connections: int,
    payload: int | bytes = 200,
    *,
    join: int = 1,
    seconds: float = 3,
    rate: float = 0,
    server_cpu: int | None = None,
    client_cpu: int | None = None,
) -> Limit:
    """What plain C reaches here: a send loop on one CPU, the load client on another.

    `payload` is the frame's payload or its size in bytes; `join` frames go in one send. With a `rate` (frames per
    second to each connection) the frames carry the time that was meant for them; `load.latency` has what became of it.
    """
    latency: LatencyKind | None = None
    if rate:
        latency = "kraken" if isinstance(payload, bytes) and b'"ns":' not in payload else "ns"
    with tempfile.TemporaryDirectory() as folder:
        size, frame_file = (payload, None) if isinstance(payload, int) else (None, Path(folder) / "payload")
        if frame_file is not None and isinstance(payload, bytes):
            frame_file.write_bytes(payload)
        sending = SendOptions(
            connections=connections, size=size, frame_file=frame_file, join=join, seconds=seconds, rate=rate
        )
        with SendLoop(sending, cpu=server_cpu) as server:
            # The window opens before the first frame and closes with the connections, after the last.
            counting = LoadOptions(
                port=server.port, connections=connections, seconds=seconds + 60, latency=latency, in_flight=256
            )
            with Load(counting, cpu=client_cpu) as load:
                load.wait_ready()
                server.wait_ready()
                server.go()
                counted = load.result(seconds + 90)
            return Limit(server.result(30), counted)


# ------------------------------------------------------------------------------------------------------ other processes


def pin(pid: int, *cpus: int) -> None:
    """Let every thread that a process has now, and those that these start, run only on these CPUs."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cpus)


def resident_bytes(pid: int) -> int:
    """The memory of a process that is in RAM now (VmRSS), shared pages included."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise NativeError(f"process {pid} has no memory: it has ended")


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process so far, user and system, all threads; steps of 10 ms."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")
