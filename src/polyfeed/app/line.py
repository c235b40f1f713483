"""What the venue's process and its workers say to each other over their link."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path

import msgspec
from msgspec import Struct

from polyfeed.accounts.accounts import Accounts
from polyfeed.accounts.vault import Vault
from polyfeed.app.config import Config
from polyfeed.app.gateway_role import Memory
from polyfeed.market.market import Market
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import AnyCommand, Origin


class Kind(IntEnum):
    """To a worker: START, BATCH (an encoded batch), REFUSAL, STOP, ANSWER. From it: READY, COMMAND, COUNTS, QUESTION.
    Either way: WORD (what gateways tell each other).

    QUESTION and ANSWER are `enquiries`' messages.
    """

    START = 0
    BATCH = 1
    REFUSAL = 2
    STOP = 3
    READY = 4
    COMMAND = 5
    COUNTS = 6
    QUESTION = 7
    ANSWER = 8
    WORD = 9


class Start(Struct, frozen=True):
    """Everything a worker needs: what it is, and what has happened up to the first batch that it is sent.

    `config` has the very ports to listen on; `master` is the vault's; `history` names the venue's; `epoch` is that of
    the history which the venue's process answers questions about, None when it keeps none; `certificate` and `key` are
    paths, for TLS.
    """

    number: int
    config: Config
    master: bytes
    last_number: int
    market: bytes
    accounts: bytes
    projections: dict[str, bytes]
    epoch: int | None = None
    history: str = ""
    certificate: str = ""
    key: str = ""

    def memory(self) -> Memory:
        """What the worker's gateway starts from."""
        market, accounts = Market.restore(self.market), Accounts.restore(self.accounts)
        return Memory(market, accounts, self.projections, self.last_number)

    def vault(self) -> Vault:
        """What opens the keys' secrets."""
        return Vault(self.master)

    def tls(self) -> tuple[Path, Path] | None:
        """The certificate and its key."""
        return (Path(self.certificate), Path(self.key)) if self.certificate else None


class Refusal(Struct, frozen=True, array_like=True):
    """A command that never came to the venue."""

    origin: Origin
    outcome: Outcome


class Entered(Struct, frozen=True, array_like=True):
    """A command of a worker's client."""

    command: AnyCommand
    origin: Origin


class Count(Struct, frozen=True, array_like=True):
    """Of one dialect on one worker: connections now, frames since it started."""

    connections: int
    frames: int


Counts = dict[str, Count]

start_decoder = msgspec.msgpack.Decoder(Start)
refusal_decoder = msgspec.msgpack.Decoder(Refusal)
entered_decoder = msgspec.msgpack.Decoder(Entered)
counts_decoder = msgspec.msgpack.Decoder(Counts)
encode = msgspec.msgpack.encode
