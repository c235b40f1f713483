"""One dialect's feeds and everybody who hears them.

The way of a frame: a feed gives text once per batch, it is framed once, given its place in the log and put into every
cohort that hears the feed; a turn (turns.py) then walks the cohorts that have something new.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects._base.closes import LOST
from polyfeed.dialects._base.dialect import Dialect
from polyfeed.dialects._base.effects import Close, Effect, FeedKey, Join, Leave, Ping, Send, Snapshot, Submit
from polyfeed.dialects._base.feeds import Heard, OnLag
from polyfeed.dialects._base.session import Session
from polyfeed.gateway.closes import INTERNAL_ERROR, SLOW_CONSUMER
from polyfeed.gateway.cohorts import Cohorts
from polyfeed.gateway.connection import Connection, Outlet
from polyfeed.gateway.deflate import PING_FRAME, PLAIN, framed
from polyfeed.gateway.line import Line
from polyfeed.gateway.lines import Lines
from polyfeed.gateway.meter import Meter
from polyfeed.gateway.observer import Observer
from polyfeed.gateway.replays import Replays, refusal
from polyfeed.gateway.requests import Requests
from polyfeed.gateway.returning import Replay, Wish
from polyfeed.gateway.submits import Question, Submits
from polyfeed.gateway.turns import Turns
from polyfeed.market.changes import InstrumentChange, VenueChange
from polyfeed.model.batches import Batch
from polyfeed.model.events import RelayedFrame

log = logging.getLogger("polyfeed.gateway")

T = TypeVar("T")

LONGEST_WATCH_US = 60_000_000
"""Until a deadline is looked at again, however far it is: so long at most is a connection that has gone remembered."""


class FanOut:
    """Carries one dialect.

    `soon` has a function called on the next turn of the event loop, `later` after so many seconds; `watch` has `expire`
    called at a deadline; `requests` takes commands; `now` is gateway time. `lag_bytes` bounds what each cohort keeps
    for members that fall behind. `observers` are shown what happens. `stale` says that it cannot be vouched for what
    the dialect reads. `replays` has what clients of our own may come back to, None where nothing is kept.
    """

    def __init__(
        self,
        dialect: Dialect,
        soon: Callable[[Callable[[], None]], object],
        later: Callable[[float, Callable[[], None]], object],
        watch: Callable[[FanOut, Connection, int], None],
        requests: Requests,
        now: Callable[[], int],
        lag_bytes: int,
    ) -> None:
        self.dialect = dialect
        self.connections: dict[Connection, None] = {}
        self.frames = 0
        self.meter = Meter()
        self.observers: list[Observer] = []
        self.stale = False
        self.replays: Replays | None = None
        self.turns = Turns(soon, later, now, self.resume, self.meter.deliver)
        self._watch = watch
        self._submits = Submits(requests, later, self.ask)
        self._now = now
        self._lag_bytes = lag_bytes
        self._lines = Lines()
        self._public, self._private = self._lines.public, self._lines.private
        self._dirty: dict[Line, None] = {}
        self._broken: dict[Line, None] = {}
        self._cohorts = Cohorts()

    # --- batches in -------------------------------------------------------------------------------------------------

    def fold(self, change: InstrumentChange) -> None:
        """Shows a change to the feeds that want it."""
        places = self._public.get(type(change))
        if places is not None:
            self._fold(places.get(change.instrument, ()) + places.all, change)

    def fold_venue(self, change: VenueChange) -> None:
        """Shows a change of no one instrument to the feeds that want it."""
        places = self._public.get(type(change))
        if places is None:
            return
        if isinstance(change, RelayedFrame):
            for channel in self.dialect.channels(change):
                self._fold(places.get(channel, ()), change)
        else:
            self._fold(places.all, change)

    def fold_private(self, change: AccountChange) -> None:
        """Shows a change of an account to the feeds that are its."""
        accounts = self._private.get(type(change.event))
        if accounts is not None:
            self._fold(accounts.get(change.account, ()), change)

    def _fold(self, lines: tuple[Line, ...], change: Heard) -> None:
        for line in lines:
            self._dirty[line] = None
            try:
                line.feed.fold(change)
            except Exception:
                self._break(line)

    def flush(self, batch: Batch) -> None:
        """Takes the frames of a batch from the feeds that it touched, in the dialect's order of channels."""
        lines = self._dirty
        if lines:
            self._dirty = {}
            for line in lines if len(lines) == 1 else sorted(lines, key=Line.order):
                self._publish(line, line.feed.flush, batch)
        settled = self.replays is not None and self.replays.active and self.replays.settle(self.turns)
        if lines or settled:
            self._send()

    def tick(self, epoch: int, ts: int) -> None:
        """Takes what the timed feeds of a history say at a mark of its time."""
        for line in sorted(self._lines.timed, key=Line.order):
            if line.feed.epoch == epoch:
                self._publish(line, line.feed.tick, ts, ts)
        self._send()

    def _publish(self, line: Line, say: Callable[[T], Sequence[str]], what: T, mark: int = 0) -> None:
        if line in self._broken:
            return
        try:
            texts = say(what)
            if texts:
                self._carry(line, texts, mark)
        except Exception:
            self._break(line)

    def _carry(self, line: Line, texts: Sequence[str], mark: int) -> None:
        for observer in self.observers:
            observer.said(line.feed.key, texts, mark)
        if self.replays is not None and self.replays.active:
            self.replays.note(line, texts)
        waiting = self.turns.urgent if line.private else self.turns.fresh
        line.shown = None  # it is another one from now on: the bytes are only those of who has them waiting
        for text in texts:
            payload = text.encode()
            plain = framed(payload, PLAIN)
            for cohort in line.cohorts:
                cohort.append(framed(payload, cohort.window) if cohort.window else plain)
                waiting[cohort] = None
                if cohort.bytes > self._lag_bytes:
                    cohort.shrink(self._lag_bytes)
            self.frames += 1

    def _break(self, line: Line) -> None:
        """Notes that a feed cannot be vouched for any more; called where its exception is handled."""
        if line not in self._broken:
            log.exception("the feed %s failed", line.feed.key)
            self._broken[line] = None

    def _close_broken(self) -> None:
        """Ends feeds that failed, with the connections that hear them: whoever comes back gets a new one."""
        keys = {line.feed.key for line in self._broken}
        for connection in tuple(self.connections):
            if not keys.isdisjoint(connection.feeds):
                self.close(connection, INTERNAL_ERROR.code, INTERNAL_ERROR.reason)
        if self.replays is not None:
            self.replays.end(keys)
        self._broken.clear()

    def _send(self) -> None:
        """Sends, or has sent soon, what was published."""
        if self._broken:
            self._close_broken()
        self.turns.serve()

    def idle(self) -> bool:
        """Whether no feed, no group of listeners and no frame is kept: what it must come to when everybody has left."""
        return self._lines.empty() and not self._dirty and self.turns.idle() and len(self._cohorts) == 1

    def listeners(self) -> dict[FeedKey, int]:
        """How many connections hear each feed."""
        return {key: line.listeners for key, line in self._lines.items()}

    # --- connections ------------------------------------------------------------------------------------------------

    def enter(self, session: Session, outlet: Outlet, window: int = PLAIN, number: int = 0) -> Connection:
        """A connection was accepted; `window` says how it wants its messages compressed (deflate.py), `number` is that
        of its handshake.
        """
        connection = Connection(session, outlet, self._cohorts.silent, self._lag_bytes, window, number)
        session.stale = self.stale
        self._cohorts.silent.join(connection)
        self.connections[connection] = None
        for observer in self.observers:
            observer.entered(connection)
        return connection

    def follow(self, connection: Connection, wish: Wish) -> None:
        """Tells a connection from now on how far it has heard, and has it go on where it was if it wishes so."""
        if self.replays is None:
            self._say(connection, refusal("off"))
        else:
            self.replays.greet(connection, wish)

    def exit(self, connection: Connection) -> None:
        """A connection is gone; so are the feeds that only it heard."""
        if self.connections.pop(connection, 0) == 0:
            return
        self.retire(connection)
        self._cohorts.silent.leave(connection)
        connection.own.clear()
        self.ask(connection, lambda session, now: session.leave(now))

    def ask(self, connection: Connection, question: Question) -> bool:
        """Carries out what the session says to a question; whether it said anything.

        A session that fails is a fault of ours: it is closed, and nobody else notices.
        """
        try:
            effects = question(connection.session, self._now())
            if connection.closing:
                for effect in effects:  # nobody listens any more: only commands count
                    if isinstance(effect, Submit):
                        self._submits.submit(connection, effect)
            else:
                self.carry_out(connection, effects)
        except Exception:
            self._fail(connection)
            return False
        return bool(effects)

    def _fail(self, connection: Connection) -> None:
        log.exception("a session failed")
        self.close(connection, INTERNAL_ERROR.code, INTERNAL_ERROR.reason)

    def carry_out(self, connection: Connection, effects: Iterable[Effect]) -> None:
        """Does what a session decided, in its order, and sends what can be sent."""
        feeds_changed = bool(connection.owed)
        returning = connection.returning
        for effect in effects if returning is None else returning.placed(effects, self._now()):
            match effect:
                case Send(text):
                    self._say(connection, text)
                case Ping():
                    connection.push(PING_FRAME)
                case Join(key):
                    feeds_changed |= self._join(connection, key)
                case Leave(key):
                    feeds_changed |= self._leave(connection, key)
                case Snapshot(key):
                    self._show(connection, key)
                case Replay(key, snapshot):
                    replayed = self.replays is not None and self.replays.bring(connection, key)
                    if snapshot and not replayed:
                        self._show(connection, key)
                case Submit():
                    self._submits.submit(connection, effect)
                case Close(code, reason):
                    self.close(connection, code, reason)
                    return
        if feeds_changed or connection.owed:
            self._move(connection)
            self._mark(connection)
        self.resume(connection)
        self._schedule(connection)

    def _say(self, connection: Connection, text: str) -> None:
        connection.push(framed(text.encode(), connection.window))

    def _show(self, connection: Connection, key: FeedKey) -> None:
        """Queues a feed's snapshot, or owes it to a reader who has as much waiting as he may; until then he does not
        hear the feed. One whose messages may not be lost is not put off.
        """
        line = self._lines[key]
        if connection.own_bytes > self._lag_bytes and line.feed.on_lag is OnLag.SNAPSHOT:
            connection.owe(key)
            return
        connection.settle_debt(key)
        frames = line.snapshot(connection.window)
        if frames:
            connection.push_all(frames)

    def _pay(self, connection: Connection) -> None:
        """Shows a reader who has read on what was owed to him, as far as it may wait."""
        while connection.owed and connection.own_bytes <= self._lag_bytes:
            self._show(connection, next(iter(connection.owed)))
        self._move(connection)
        self._mark(connection)

    def _mark(self, connection: Connection) -> None:
        """Tells a connection how far it has heard, if it wants to know; what it lost or is owed is made good first."""
        if connection.offsets and self.replays is not None and not connection.owed and not connection.lost():
            self._say(connection, self.replays.marker())

    def close(self, connection: Connection, code: int, reason: str) -> None:
        """Sends what is queued, then the close frame, and nothing after it."""
        if connection.closing:
            return
        frame = connection.outlet.close_frame(code, reason)
        if not frame:
            self.retire(connection)
            return
        self.meter.close(code, reason)
        connection.push(frame)
        self._silence(connection)
        self.resume(connection)

    def retire(self, connection: Connection) -> None:
        """The client has said goodbye, or is gone: what is still queued is not sent, and nothing comes after it."""
        if not connection.closing:
            self._silence(connection)
            connection.own.clear()
            connection.own_bytes = 0

    def _silence(self, connection: Connection) -> None:
        connection.closing = True
        connection.block()
        self._forsake(connection)

    def resume(self, connection: Connection) -> None:
        """Sends what can be sent, once the socket takes data."""
        if connection.outlet.paused or connection.abreast:
            return
        now = self._now()
        if connection.lost() and not connection.closing:
            self._mend(connection, self._catch_up)
        connection.flush(now)
        while connection.owed and not connection.outlet.paused:
            self._mend(connection, self._pay)
            connection.flush(now)
        connection.cohort.gather(connection)

    def _mend(self, connection: Connection, how: Callable[[Connection], None]) -> None:
        try:
            how(connection)
        except Exception:
            self._fail(connection)

    def _catch_up(self, connection: Connection) -> None:
        """Gives a reader that lost frames what its channels promise it instead; first what was owed to it already, so
        that one who is slow for good is shown everything in turn.
        """
        keys = [*(connection.owed or ()), *connection.heard()]
        if any(self._lines[key].feed.on_lag is OnLag.CLOSE for key in keys):
            self.close(connection, SLOW_CONSUMER.code, SLOW_CONSUMER.reason)
            return
        self.meter.healed += 1
        connection.cursor = connection.cohort.end()
        connection.gap = False
        for key in keys:
            self._show(connection, key)
        self._move(connection)
        self._mark(connection)

    def _schedule(self, connection: Connection) -> None:
        deadline = connection.session.deadline
        if deadline is not None and (connection.deadline is None or deadline < connection.deadline):
            connection.deadline = min(deadline, self._now() + LONGEST_WATCH_US)
            self._watch(self, connection, connection.deadline)

    def expire(self, connection: Connection, now: int) -> None:
        """A deadline that the connection had may have passed, or moved.

        It was moved forward where another one is watched: then this is not its time, and it is not watched twice.
        """
        if connection.deadline is None or connection.deadline > now:
            return
        connection.deadline = None
        if connection.closing:
            return
        deadline = connection.session.deadline
        if deadline is not None and deadline <= now:
            session = connection.session
            session.last_sent = max(session.last_sent, connection.cohort.sent_at)
            self.ask(connection, lambda session, _: session.expire(now))
        else:
            self._schedule(connection)

    # --- another state ----------------------------------------------------------------------------------------------

    def resync(self) -> None:
        """All that the feeds read has been replaced: they are made anew, and who hears them gets what their channels
        promise to a reader that lost something, in the turns that follow.
        """
        for line in self._lines.values():
            self._renew(line)
        for connection in tuple(self.connections):
            if not connection.closing:
                self._resync(connection)
        if self.replays is not None:
            self.replays.restart()
        self._send()

    def _renew(self, line: Line) -> None:
        """Nobody goes on hearing a channel whose messages may not be lost, so that one has no new feed."""
        if line.feed.on_lag is OnLag.SNAPSHOT:
            try:
                line.feed = self.dialect.feed(line.feed.key)
            except Exception:
                self._break(line)

    def _resync(self, connection: Connection) -> None:
        whole = self._mendable(connection)
        self.ask(connection, lambda session, now: session.resynced(now, whole=whole))
        if connection.closing or not connection.feeds:
            return
        if not self._mendable(connection):
            self.close(connection, LOST.code, LOST.reason)
            return
        connection.settle()
        connection.gap = True
        self.turns.fresh[connection.cohort] = None

    def _mendable(self, connection: Connection) -> bool:
        """Whether a snapshot of each of its feeds makes up for what a connection has not heard."""
        return all(self._lines[key].feed.on_lag is OnLag.SNAPSHOT for key in connection.feeds)

    # --- feeds and cohorts ------------------------------------------------------------------------------------------

    def _join(self, connection: Connection, key: FeedKey) -> bool:
        if key in connection.feeds:
            return False
        line = self._lines.get(key)
        if line is None:
            line = self._lines.open(self.dialect.feed(key))
        line.listeners += 1
        connection.feeds[key] = None
        if connection.offsets and self.replays is not None:
            self.replays.join(key)
        return True

    def _leave(self, connection: Connection, key: FeedKey) -> bool:
        if key not in connection.feeds:
            return False
        connection.settle()
        del connection.feeds[key]
        connection.settle_debt(key)
        self._release(key)
        return True

    def _release(self, key: FeedKey) -> None:
        line = self._lines[key]
        line.listeners -= 1
        if not line.listeners and (self.replays is None or key not in self.replays):
            self._end(line)

    def keep(self, key: FeedKey) -> None:
        """Makes the feed if it is not there; it stays while it is among the replays."""
        if key not in self._lines:
            self._lines.open(self.dialect.feed(key))

    def let_go(self, key: FeedKey) -> None:
        """The feed is kept no longer: without listeners it ends."""
        line = self._lines.get(key)
        if line is not None and not line.listeners:
            self._end(line)

    def heard(self) -> set[FeedKey]:
        """The feeds whose listeners may come back to them, those included who hear no offsets yet."""
        heard = {line.feed.key for cohort in self._cohorts.values() if cohort.offsets for line in cohort.lines}
        for connection in self.connections:
            if connection.offsets and connection.owed:
                heard.update(connection.feeds)
        return heard

    def _end(self, line: Line) -> None:
        self._lines.end(line)
        self._dirty.pop(line, None)

    def _move(self, connection: Connection) -> None:
        """Puts the connection where the others stand that hear the same. While it is owed something it is not told how
        far it has heard.
        """
        lines = frozenset(self._lines[key] for key in connection.heard())
        cohort = self._cohorts.of(lines, connection.window, connection.offsets and not connection.owed)
        if cohort is connection.cohort:
            return
        connection.settle()
        left = connection.cohort
        left.leave(connection)
        if self._cohorts.end(left):
            self.turns.drop(left)
        cohort.join(connection)

    def _forsake(self, connection: Connection) -> None:
        """Has the connection hear nothing any more."""
        keys = list(connection.feeds)
        connection.feeds.clear()
        connection.owed = None
        self._move(connection)
        for key in keys:
            self._release(key)
