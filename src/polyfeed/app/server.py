"""Everything in one process: venue, flow and gateway on a memory bus."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from secrets import token_hex

from polyfeed.accounts.accounts import Accounts
from polyfeed.app.api.endpoints import Problem
from polyfeed.app.beginnings import check_journal
from polyfeed.app.brokers import Brokers
from polyfeed.app.config import Config
from polyfeed.app.demo_keys import DEMO_VAULT, demo_users
from polyfeed.app.driver import Driver
from polyfeed.app.flow import Flow
from polyfeed.app.gateway_role import LAST_SECONDS, GatewayRole, Memory
from polyfeed.app.historian import HistoryRole
from polyfeed.app.master_key import vault_in
from polyfeed.app.operator import Operator
from polyfeed.app.operator_port import OperatorPort
from polyfeed.app.operator_token import operator_token
from polyfeed.app.peatio_keys import with_peatio
from polyfeed.app.replay import replay
from polyfeed.app.store import Store
from polyfeed.app.tls import server_context, tls_files
from polyfeed.app.venue_bus import MakeLink, Standing
from polyfeed.app.wire import WireLog
from polyfeed.app.workers import Workers
from polyfeed.bus.memory import MemoryBus
from polyfeed.bus.nats.calls import FIRST_GATEWAY
from polyfeed.bus.tasks import cancelled
from polyfeed.gateway.fanout import FanOut
from polyfeed.gateway.faults.faults import Faults
from polyfeed.market.market import Market
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import AnyCommand, EndGateway
from polyfeed.sequencer.history import History
from polyfeed.sequencer.sequencer import Sequencer
from polyfeed.store.format import VENUE_BYTES
from polyfeed.store.journal import NullJournal
from polyfeed.venue.venue import Venue

log = logging.getLogger("polyfeed")

WARM_UP_SECONDS = 2.0
"""Of the flow's first seconds, lived through before the ports open."""

SNAPSHOT_SECONDS = 10.0
"""What a stop waits at most for the last snapshot."""

AGAIN_SECONDS = 0.25
"""Before the end of a gateway that could not be recorded is submitted again."""

GATEWAY = 1
"""The number of the one gateway in this process."""


class Server:
    """The venue, its flow and its ports; `now` is the wall clock in microseconds since the epoch, `gateway_now` that of
    connections where it is another.

    The flow's setup is carried out before anybody can connect, then its sources run. Where
    `make_link` makes the way to gateways on a bus, the dialects' ports are theirs. `operator` is the operator's port
    where it is open already.
    """

    def __init__(
        self,
        config: Config,
        now: Callable[[], int],
        market: Market,
        flow: Flow,
        store: Store | None = None,
        gateway_now: Callable[[], int] | None = None,
        make_link: MakeLink | None = None,
        operator: OperatorPort | None = None,
    ) -> None:
        self.config = config = with_peatio(config)
        self.now = gateway_now or now
        self.ready = False
        self.token = operator_token(config.http)
        self.opening = asyncio.Lock()
        self.market = market
        self.certificate: Path | None = None
        self._store = store
        self._setup = flow.setup
        self._bus = MemoryBus()
        memory = store.replica.memory(GATEWAY) if store else Memory(market, Accounts())
        self.accounts = memory.accounts
        history = store.replica.history if store else History(Venue())
        journal = store.journal if store else NullJournal()
        turned = store.keeper.wake if store and store.keeper else None
        self.sequencer = Sequencer(history, journal, self._bus, now, config.store.patience_seconds, turned)
        self.driver = Driver(flow.sources, flow.recordings, self.sequencer, self._bus, now)
        self.past = store.past if store else None
        self.vault = DEMO_VAULT if config.flow.demo else vault_in(Path(config.server.state_dir).expanduser())
        local = make_link is None and not config.server.workers
        self.history = history_id(config, flow, store)
        self._role = GatewayRole(
            config,
            GATEWAY,
            self._bus,
            memory,
            self.vault,
            self.sequencer.submit,
            self.now,
            self.past,
            self.history if local else "",
        )
        self.faults = Faults(self.fans, memory.market, asyncio.get_running_loop().call_later)
        self.wire = WireLog(memory.market, self.fans.values(), self._bus)
        self._answering = None if self.past is None else HistoryRole(self.past)
        entry = (self.sequencer.submit, self.end_gateway)
        self.link = None if make_link is None else make_link(self._bus, self._role.images, *entry, self._answering)
        self.workers = self._make_workers() if config.server.workers and self.link is None else None
        self.brokers = Brokers(config, self._bus, memory, now)
        self._operator = operator or OperatorPort(config)
        self._operator_port = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._bus.subscribe(self.driver.on_batch)
        if self.past is not None:
            self._bus.subscribe(self.past.publish)

    @property
    def trouble(self) -> str:
        """Why the server cannot do all that it is there for, empty when it can."""
        if not self.ready:
            return "starting or stopping"
        parts = (self.sequencer, self._role, self.past, self.link)
        return next((one.trouble for one in parts if one is not None and one.trouble), "")

    @property
    def fans(self) -> dict[str, FanOut]:
        """The fan-out of each dialect."""
        return self._role.gateway.fans

    @property
    def ports(self) -> dict[str, int]:
        """Where each dialect listens, and the operator's port as `http`."""
        return {**self._dialect_ports(), "http": self._operator_port}

    def _dialect_ports(self) -> dict[str, int]:
        if self.link is not None:
            return {}
        return self._role.ports if self.workers is None else self.workers.ports

    def _make_workers(self) -> Workers:
        """The gateways beside this process, whose own then has no ports: it answers operators, and new workers start
        from what it knows.
        """
        numbers = self.sequencer.history.numbers
        return Workers(
            self.config,
            GATEWAY + 1,
            self._bus,
            self._role.images,
            lambda number: numbers.get(number, 0),
            self.sequencer.submit,
            self.end_gateway,
            self.vault,
            self._answering,
            self.history,
        )

    def _standing(self) -> Standing:
        """Where the venue stands, and what makes its last batches again."""
        history = self.sequencer.history
        again = None if self._store is None else partial(replay, self._store.directory)
        return Standing(self.history, history.venue.epoch, history.seq, history.numbers, again)

    async def start(self) -> None:
        """Sets the venue up, lets the first flow in, then listens.

        Raises OSError when an address is taken or the journal cannot be written, ValueError when the venue refuses a
        part of the setup, or the journal is not one to go on with: then nothing was written.
        """
        if self._store is not None:
            check_journal(self._store, self._setup, demo=self.config.flow.demo)
        await self.sequencer.open()
        if self.past is not None:
            self.past.start()
        if self.link is not None:
            await self.link.begin(self._standing())
        begun = self.sequencer.history.records > len(self._setup)
        await self._set_up()
        await self._end_former_gateways()
        if not begun or self.link is None:
            # Nobody waits for a venue that begins; for one that takes over, everybody.
            await self.driver.warm_up(WARM_UP_SECONDS)
        self._tasks = [asyncio.create_task(self.sequencer.run())]
        await self._open_dialects()
        self._operator_port = await self._operator.serve(Operator(self))
        self._tasks += [asyncio.create_task(self.driver.run()), *self.brokers.tasks()]
        self._tasks += [] if self.link is None else self.link.tasks()
        for task in self._tasks:
            task.add_done_callback(self._on_task_done)
        self.ready = True

    async def _open_dialects(self) -> None:
        if self.link is not None:
            await self.link.open()
            return
        files = tls_files(self.config.server)
        self.certificate = None if files is None else files[0]
        if self.workers is None:
            await self._role.open(None if files is None else server_context(*files))
        else:
            await self.workers.open(files)

    async def _set_up(self) -> None:
        refused: list[Outcome] = []
        unsubscribe = self._bus.subscribe(
            lambda batch: None if batch.outcome.accepted else refused.append(batch.outcome)
        )
        # The setup is what a history begins with: a recovered one has it, or the first part of it.
        for command in self._setup[self.sequencer.history.records :]:
            self.sequencer.submit(command)
        await self.sequencer.drain()
        unsubscribe()
        if self.sequencer.trouble:
            raise OSError(self.sequencer.trouble)
        if refused:
            raise ValueError(f"the venue cannot be set up: {refused[0].refusal}: {refused[0].detail}")

    async def _end_former_gateways(self) -> None:
        """Has the venue cancel what is bound to the gateways of the process before: every session of it is gone.

        Gateways on the bus have leases, and may outlive the venue.
        """
        bound = self.sequencer.history.venue.gateways()
        gateways = [one for one in bound if self.link is None or one < FIRST_GATEWAY]
        for gateway in gateways:
            self.sequencer.submit(EndGateway(gateway))
        await self.sequencer.drain()
        if self.sequencer.trouble:
            raise OSError(self.sequencer.trouble)
        if gateways:
            log.info("cancelled the orders of connections that asked for it and ended with the process before")

    async def stop(self) -> None:
        """Not ready, then goodbye to every client, then the end: the configured time and two seconds at most.

        Gateways on the bus are not this process's: they hear what was decided last, and wait for the next venue.
        """
        self.ready = False
        if self.workers is not None:
            await self.workers.close()
        await self._role.close(self.config.server.drain_seconds)
        self.wire.stop()
        await self._operator.drain(1.0)
        others = self._tasks[1:]
        ended = False
        if self.link is None:
            await cancelled(others)
            ended = await self._end_sequencer()
        else:
            self.driver.control(1.0, paused=True)
            ended = await self._end_sequencer()
            await self.link.flush(LAST_SECONDS)
            await cancelled(others)
            await self.link.leave()
        if self.past is not None:
            await self.past.stop()
        if self._store is not None:
            if self._store.keeper is not None:
                await self._store.keeper.finish(SNAPSHOT_SECONDS if ended else 0)
            await within(LAST_SECONDS, self._store.journal.close())

    async def _end_sequencer(self) -> bool:
        """Lets it carry out what is queued and end the last segment; whether it could, within two seconds.

        One that failed or is stuck may have records on the disk that it has not carried out: nothing may be written
        behind them, and the next start replays them.
        """
        self.sequencer.end()
        work, self._tasks = self._tasks[:1], []
        if not work:
            return False
        await asyncio.wait(work, timeout=LAST_SECONDS)
        if work[0].done() and not work[0].cancelled() and work[0].exception() is None:
            return await within(LAST_SECONDS, self.sequencer.close())
        work[0].cancel()
        await asyncio.gather(*work, return_exceptions=True)
        return False

    async def failed(self) -> None:
        """Returns when one of the server's own tasks has ended, which none should; the log says why."""
        await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def end_gateway(self, number: int) -> None:
        """Has the venue cancel what is bound to a gateway that is gone; returns when that is done.

        It was promised, so while it cannot be recorded it is submitted again and again.
        """
        while True:
            outcome = await self._decided(EndGateway(number))
            if outcome.refusal is None or not outcome.refusal.temporary:
                return
            await asyncio.sleep(AGAIN_SECONDS)

    async def carry_out(self, command: AnyCommand) -> Outcome:
        """Has the venue carry out a command; its outcome. Raises Problem 409 with the reason when it is refused."""
        outcome = await self._decided(command)
        if not outcome.accepted:
            status = 503 if outcome.refusal is not None and outcome.refusal.temporary else 409
            raise Problem(status, f"{outcome.refusal}: {outcome.detail}".removesuffix(": "))
        return outcome

    async def _decided(self, command: AnyCommand) -> Outcome:
        """What becomes of a command that is submitted now."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def settle(outcome: Outcome) -> None:
            if not future.done():
                future.set_result(outcome)

        self._role.gateway.requests.submit(command, settle)
        return await future

    def directory(self) -> str:
        """Where everything is, for people."""
        host = self.config.server.host
        console = f"http://{self.config.http.host}:{self._operator_port}/"
        lines = [f"  operator  {console} (console, healthz, readyz, metrics, api)"]
        lines += dialect_lines(host, self._dialect_ports())
        if self.config.flow.demo:
            lines.append(f"  demo      {demo_users()}")
        if self.certificate is not None:
            lines.append(f"  TLS       certificate {self.certificate}")
        return "\n".join(lines)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.ready = False
            log.critical("the server cannot go on", exc_info=task.exception())


def dialect_lines(host: str, ports: Mapping[str, int]) -> list[str]:
    """Where each dialect listens, for people."""
    lines = []
    for label, number in ports.items():
        secure = "s" if label.endswith("(tls)") else ""
        name = label.removesuffix(" (tls)")
        lines.append(f"  {name:<9} ws{secure}://{host}:{number}/   REST http{secure}://{host}:{number}/")
    return lines


def history_id(config: Config, flow: Flow, store: Store | None) -> str:
    """What names the history that batches tell, in hexadecimal: the journal's number, where they all come from it and
    no failure can cut off what was told.
    """
    if store is None or config.store.fsync != "always" or flow.recordings or config.relay.url:
        return token_hex(VENUE_BYTES)
    return store.venue.hex()


async def within(seconds: float, work: Coroutine[None, None, None]) -> bool:
    """Whether the work was done in that time; otherwise it is left, and the log says so."""
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        log.error("the journal's disk does not answer: the last segment is left as it is")
        return False
    return True
