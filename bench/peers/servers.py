"""The servers side by side: how each is started, and how it is told to send.

A server takes WebSocket connections, each of which names a topic, and sends on command: `flood` as fast as it can,
`pace` at a steady rate with the time meant in each message. Those of other projects are in this folder, each as its own
documentation would have it; nchan and nats-server are given their messages from outside.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.native import ROOT, LatencyKind, LoadOptions
from bench.peers import environments
from polyfeed.app.ports import free_ports

SUBSCRIBE = '{"event":"subscribe","pair":["XBT/USD"],"subscription":{"name":"book","depth":10}}'
PAYLOAD = 200
READY_SECONDS = 20.0


def message(ns: int) -> bytes:
    """A stamped text of PAYLOAD bytes."""
    head = f'{{"ns":{ns:019d},"pad":"'
    return (head + "x" * (PAYLOAD - len(head) - 2) + '"}').encode()


class Server(ABC):
    """A running server. `topics` says whether it is measured with many of them, `stamp` how its paced messages carry
    their time.
    """

    topics = True
    stamp: LatencyKind = "ns"
    port: int
    pid: int

    @abstractmethod
    def flood(self, seconds: float, topics: int, join: int) -> None:
        """Sends as much as gets through, each message on the next topic, `join` of them in one go."""

    @abstractmethod
    def pace(self, rate: float, seconds: float) -> None:
        """Sends to topic 0 at times fixed beforehand."""

    @abstractmethod
    def close(self) -> None:
        """Ends it."""

    def load(self, connections: int, topics: int, folder: Path, **more: Any) -> LoadOptions:
        """How a client connects and names its topic."""
        lines = folder / "topics"
        lines.write_text("\n".join(self.subscription(number) for number in range(topics)) + "\n", encoding="ascii")
        return LoadOptions(
            port=self.port, connections=connections, send_file=lines, ready_text=self.ready(), go=True, **more
        )

    def subscription(self, topic: int) -> str:
        """What a client says to name its topic."""
        return str(topic)

    def ready(self) -> str:
        """What the server answers."""
        return '"ready"'

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        return sum(cpu_of(pid) for pid in self.pids())

    def pids(self) -> list[int]:
        """Its processes."""
        return [self.pid]


def cpu_of(pid: int) -> float:
    """Seconds of CPU of a process, from the scheduler's own count in nanoseconds (schedstat of each thread)."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return total / 1e9


def spawn(command: list[str], **more: Any) -> subprocess.Popen[str]:
    """A process on the servers' CPU from its first instruction on."""
    first = min(os.sched_getaffinity(0))
    return subprocess.Popen(command, text=True, cwd=ROOT, preexec_fn=lambda: os.sched_setaffinity(0, {first}), **more)


class Commanded(Server):
    """One that reads commands as lines."""

    def __init__(self, command: list[str], **settings: str) -> None:
        pipe = subprocess.PIPE
        self._process = spawn(command, stdin=pipe, stdout=pipe, env={**os.environ, **settings})
        self.port = self._answer()["port"]
        self.pid = self._process.pid

    def flood(self, seconds: float, topics: int, join: int) -> None:
        self._ask(f"flood {seconds} {topics} {join}")

    def pace(self, rate: float, seconds: float) -> None:
        self._ask(f"pace {rate} {seconds}")

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        end(self._process)
        self._process.stdout.close()

    def _ask(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        self._answer()

    def _answer(self) -> dict[str, int]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a measured server ended; its error is above")
        answer: dict[str, int] = json.loads(line)
        return answer


def end(process: subprocess.Popen[str]) -> None:
    """Waits for a process to end, and helps it."""
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Kraken(Commanded):
    """The whole way from an order to a frame of our Kraken dialect."""

    topics = False
    stamp = "kraken-max"

    def load(self, connections: int, topics: int, folder: Path, **more: Any) -> LoadOptions:
        return LoadOptions(
            port=self.port,
            connections=connections,
            send=(SUBSCRIBE,),
            ready_text='"as"',
            ignore="heartbeat",
            go=True,
            **more,
        )


class Outside(Server):
    """One that is given its messages by somebody else, here."""

    def flood(self, seconds: float, topics: int, join: int) -> None:
        text, sent, until = message(10**18), 0, time.monotonic() + seconds
        while time.monotonic() < until:
            self.publish(sent % topics, text, join)
            sent += 1

    def pace(self, rate: float, seconds: float) -> None:
        start = time.time_ns() + 100_000_000
        for number in range(int(rate * seconds)):
            meant = start + int(number * 1e9 / rate)
            time.sleep(max(0, meant - time.time_ns()) / 1e9)
            self.publish(0, message(meant), 1)

    @abstractmethod
    def publish(self, topic: int, text: bytes, count: int) -> None:
        """Hands messages over, and waits until they are taken."""


class Nchan(Outside):
    """nginx with nchan; its topic is in the address, so all clients of one load hear the same."""

    topics = False

    def __init__(self) -> None:
        program, self.port = environments.nginx(), free_ports(1)[0]
        self._folder = tempfile.TemporaryDirectory()
        home = Path(self._folder.name)
        (home / "nginx.conf").write_text(NCHAN.format(home=home, port=self.port), encoding="ascii")
        self._process = spawn([str(program), "-c", str(home / "nginx.conf"), "-p", str(home)])
        self.pid = self._process.pid
        wait_for(self.port)
        self._http = http.client.HTTPConnection("127.0.0.1", self.port)

    def load(self, connections: int, topics: int, folder: Path, **more: Any) -> LoadOptions:
        return LoadOptions(port=self.port, connections=connections, path="/sub", go=True, **more)

    def publish(self, topic: int, text: bytes, count: int) -> None:
        for _ in range(count):
            self._http.request("POST", "/pub", text)
            self._http.getresponse().read()

    def pids(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()
        return [self.pid, *map(int, children)]

    def close(self) -> None:
        self._http.close()
        self._process.send_signal(signal.SIGTERM)
        end(self._process)
        self._folder.cleanup()


NCHAN = """
load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
daemon off; worker_processes 1; pid {home}/pid; error_log stderr crit;
events {{ worker_connections 20000; }}
http {{
    access_log off; keepalive_requests 100000000; nchan_shared_memory_size 256M;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /pub {{ nchan_publisher; nchan_channel_id one; nchan_message_buffer_length 10; }}
        location = /sub {{ nchan_subscriber websocket; nchan_channel_id one; nchan_subscriber_first_message newest; }}
    }}
}}
"""


class Nats(Outside):
    """nats-server over its own WebSocket listener."""

    def __init__(self) -> None:
        program = environments.python().with_name("nats-server")
        self.port, inside = free_ports(2)
        self._folder = tempfile.TemporaryDirectory()
        config = Path(self._folder.name) / "nats.conf"
        config.write_text(NATS.format(port=self.port, inside=inside), encoding="ascii")
        self._process = spawn([str(program), "-c", str(config)], env={**os.environ, "GOMAXPROCS": "1"})
        self.pid = self._process.pid
        wait_for(self.port)
        self._line = socket.create_connection(("127.0.0.1", inside))
        self._published = 0
        self._line.sendall(b'CONNECT {"verbose":false}\r\n')
        self._wait_for_pong()

    def subscription(self, topic: int) -> str:
        return f"SUB t{topic} 1"

    def load(self, connections: int, topics: int, folder: Path, **more: Any) -> LoadOptions:
        first = 'CONNECT {"verbose":false}\r\n'
        return super().load(connections, topics, folder, send=(first,), line_tail="\r\nPING\r\n", **more)

    def ready(self) -> str:
        return "PONG"

    def publish(self, topic: int, text: bytes, count: int) -> None:
        self._line.sendall(b"PUB t%d %d\r\n%b\r\n" % (topic, len(text), text) * count)
        self._published += 1
        if self._published % PONG_EVERY == 0:
            self._wait_for_pong()

    def _wait_for_pong(self) -> None:
        self._line.sendall(b"PING\r\n")
        heard = b""
        while b"PONG" not in heard:
            heard += self._line.recv(4096)

    def close(self) -> None:
        self._line.close()
        self._process.send_signal(signal.SIGTERM)
        end(self._process)
        self._folder.cleanup()


PONG_EVERY = 20
"""Messages after which NATS is asked whether it has come so far: without, its readers would be slow consumers."""

NATS = """
logtime: false
log_file: "/dev/null"
listen: 127.0.0.1:{inside}
max_connections: 20000
write_deadline: "30s"
websocket {{ listen: "127.0.0.1:{port}", no_tls: true, compression: false }}
"""


def wait_for(port: int) -> None:
    """Returns when somebody listens there."""
    until = time.monotonic() + READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def node(name: str) -> Server:
    """One of the Node.js servers."""
    program, home = environments.node()
    return Commanded([str(program), str(home / f"{name}.js")])


def python(name: str) -> Server:
    """One of the Python servers."""
    return Commanded([str(environments.python()), str(environments.HERE / "python" / f"{name}_server.py")])


SERVERS: dict[str, Callable[[], Server]] = {
    "polyfeed": lambda: Commanded([sys.executable, "-m", "bench.peers.ours"]),
    "polyfeed, Kraken book-10": lambda: Kraken([sys.executable, "-m", "bench.peers.ours", "kraken"]),
    "uWebSockets": lambda: node("uws"),
    "picows": lambda: python("picows"),
    "nchan": Nchan,
    "node ws": lambda: node("ws"),
    "gorilla": lambda: Commanded([str(environments.go())], GOMAXPROCS="1"),
    "aiohttp": lambda: python("aiohttp"),
    "websockets": lambda: python("websockets"),
    "nats-server": Nats,
}
