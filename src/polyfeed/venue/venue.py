"""The venue: stamped commands in, batches out.

    venue = Venue()
    batch = venue.apply(Stamped(1, 1_700_000_000_000_000, DefineCurrency(Currency("USD", 4))))

Rules of the file:

* Orders whose time has come end before the next command is carried out. Where that fills its batch, the command waits
  for the `Proceed` that finishes it; the batch of that one has the command's outcome, those before it no origin.
* A command that cannot be done is *refused*: its batch has a refusal and a sentence, no events of its own, and nothing
  has changed by it but the place in history.
* What raises is a broken history, and then nothing has changed at all: a number that is not the next one, a time that
  is not later, or a command that comes before a decision is finished.
* Nothing is read but the command and what earlier commands made, so the same commands give the same batches.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from polyfeed.model import commands
from polyfeed.model.batches import ACCEPTED, Batch, Outcome
from polyfeed.model.commands import AnyCommand, Clock, Command, Proceed, Stamped
from polyfeed.model.enums import Refusal
from polyfeed.venue import amending, cancelling, entry, keys, replacing, setup
from polyfeed.venue import image as images
from polyfeed.venue.draft import MATCH, RESERVE, Draft
from polyfeed.venue.expiry import expire
from polyfeed.venue.limits import MAX_TS
from polyfeed.venue.perpetuals import funding, leverage, prices
from polyfeed.venue.perpetuals.telling import tell
from polyfeed.venue.refused import Refused
from polyfeed.venue.state import State
from polyfeed.venue.work import run


def tick(_state: State, _command: Clock, _draft: Draft) -> Outcome:
    """Lets time pass. What waits for a time has happened before this."""
    return ACCEPTED


def proceed(state: State, _command: Proceed, _draft: Draft) -> Outcome:
    """Goes on with unfinished work, which `apply` does after every command."""
    if not state.work:
        raise Refused(Refusal.INVALID_TERMS, "every decision is finished; send Proceed only after a batch with `more`")
    return ACCEPTED


HANDLERS: dict[type[Command], Callable[[State, Any, Draft], Outcome]] = {
    commands.DefineCurrency: setup.define_currency,
    commands.ListInstrument: setup.list_instrument,
    commands.SetInstrumentStatus: setup.set_instrument_status,
    commands.SetSystemStatus: setup.set_system_status,
    commands.OpenAccount: setup.open_account,
    commands.Deposit: setup.deposit,
    commands.PlaceOrder: entry.place,
    commands.CancelOrder: cancelling.cancel,
    commands.CancelAll: cancelling.cancel_all,
    commands.EndGateway: cancelling.end_gateway,
    commands.AmendOrder: amending.amend,
    commands.ReplaceOrder: replacing.replace,
    commands.SetKey: keys.set_key,
    commands.RevokeKey: keys.revoke_key,
    commands.SetIndexPrice: prices.set_index_price,
    commands.SetLeverage: leverage.set_leverage,
    commands.AddMargin: leverage.add_margin,
    commands.Clock: tick,
    commands.Proceed: proceed,
}


class Venue:
    """Decides every command.

    `batch_limit` is the most events, public and private, that one batch may have; a decision that makes more goes on
    with `Proceed`. Raises ValueError when it is too small for the smallest decision.
    """

    __slots__ = ("_state", "batch_limit", "epoch", "seq", "ts")

    def __init__(self, epoch: int = 1, batch_limit: int = 1000) -> None:
        if batch_limit < RESERVE + MATCH:
            raise ValueError(f"batch_limit {batch_limit} is too small for one match; give at least {RESERVE + MATCH}")
        self.epoch = epoch
        self.batch_limit = batch_limit
        self.seq = 0
        self.ts = 0
        self._state = State()

    def apply(self, stamped: Stamped) -> Batch:
        """Carries out one command.

        Raises ValueError for one that is not the next in history, RuntimeError for one that comes instead of `Proceed`.
        """
        seq, ts, command = stamped.seq, stamped.ts, stamped.command
        state = self._state
        if seq != self.seq + 1:
            raise ValueError(f"command {seq} came after {self.seq}; the next one must be {self.seq + 1}")
        if not self.ts < ts < MAX_TS:
            raise ValueError(f"command {seq} is stamped {ts}; the time must be later than {self.ts}, before {MAX_TS}")
        if state.work and type(command) is not Proceed:
            raise RuntimeError(
                f"command {seq} came before a decision was finished; only Proceed may, until `more` ends"
            )
        self.seq, self.ts = seq, ts
        outcome, origin = ACCEPTED, stamped.origin
        draft = Draft(ts, self.batch_limit, 0 if origin is None else origin.gateway)
        due = self._due(command, draft)
        if due is None:
            origin = None
        else:
            try:
                outcome = HANDLERS[type(due)](state, due, draft)
            except Refused as refused:
                outcome = Outcome(refused.refusal, refused.detail)
            run(state, draft)
        if draft.positions:
            tell(draft)
        draft.tell_balances()
        return Batch(self.epoch, seq, ts, outcome, origin, draft.public, draft.private, more=bool(state.work))

    def _due(self, command: AnyCommand, draft: Draft) -> AnyCommand | None:
        """The command to be carried out now, when all orders whose time has come have ended; None if not all have."""
        state = self._state
        if type(command) is Proceed:
            if state.deferred is None:
                return command
            command, state.deferred = state.deferred, None
        else:
            due = False
            if len(state.expiring) and state.expiring.first <= draft.ts:
                expire(state, draft.ts)
                due = True
            if state.funding_ts <= draft.ts:
                funding.settle_due(state, draft)
                due = True
            if not due:
                return command
        run(state, draft)
        if not state.work:
            return command
        state.deferred = command
        return None

    def snapshot(self) -> bytes:
        """All of it as bytes, the same for equal venues; `restore` reads them. Unfinished work is part of it."""
        return images.encode(self, self._state)

    @classmethod
    def restore(cls, data: bytes) -> Venue:
        """The venue that `data` (from `snapshot`) shows; it goes on exactly as that one does. Raises ValueError."""
        image = images.decode(data)
        venue = cls(image.epoch, image.batch_limit)
        venue.seq, venue.ts = image.seq, image.ts
        venue._state = images.restore(image)
        return venue

    def state_hash(self) -> str:
        """The BLAKE2b-128 of the snapshot, in hexadecimal: equal for equal venues."""
        return blake2b(self.snapshot(), digest_size=16).hexdigest()

    def gateways(self) -> list[int]:
        """The gateways that open orders are bound to, lowest number first."""
        return sorted(self._state.bound)

    def deadline(self) -> int | None:
        """When the next order ends or funding is exchanged, in venue time; None if nothing waits for a time. `Clock`
        or any other command lets it happen.
        """
        expiring, due = self._state.expiring, self._state.funding_ts
        first = min(expiring.first, due) if len(expiring) else due
        return first if first < MAX_TS else None
