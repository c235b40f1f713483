"""What a gateway and the venue say to each other directly: commands, and that both live.

A gateway numbers its commands upwards. Each call says from which number on it waits for answers (`base`), and brings
the commands that follow on another one (`after`). The venue takes a call's commands when it has taken that one, each
once, and says how far it has come; what it has not taken is sent again. So one integer for each gateway is all that
the venue keeps (DESIGN section 5).
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from polyfeed.model.batches import Outcome
from polyfeed.model.commands import AnyCommand, Origin

FIRST_GATEWAY = 1 << 32
"""Numbers of gateways on a bus begin here; lower ones are of those in the venue's process, or beside it."""


class Entered(Struct, frozen=True, array_like=True):
    """A command on its way, and for how many milliseconds it has been when it was sent."""

    command: AnyCommand
    origin: Origin
    age: int = 0


class Call(Struct, frozen=True, array_like=True):
    """Of a gateway. Everything before `base` is settled; without commands it says that the gateway lives.

    Its commands are for the venue of a `term`, and no other one takes them: a refusal of an earlier venue may be on its
    way to the gateway, which hears none of it once it knows of the later one.

    One that is `joining` has no commands yet: so a venue that does not know a gateway with commands knows that its
    lease has ended, and never takes a command of it for the first time twice.
    """

    gateway: int
    base: int
    after: int = 0
    joining: bool = False
    commands: tuple[Entered, ...] = ()
    term: int = 0


class Refusal(Struct, frozen=True, array_like=True):
    """A command that never came to the venue."""

    origin: Origin
    outcome: Outcome


class Reply(Struct, frozen=True, array_like=True):
    """Of the venue. `entered` is the gateway's last command that it has taken, of those that it knows; `seq` its last
    batch. A gateway that is not `known` has no place here: its number was never heard, or its lease has ended.

    `refusals` are repeated until the gateway's `base` is beyond them.

    `begun` is the gateway's last command in the history that this venue began with. What it waits for up to there, and
    has not heard of in the batches up to `seq`, was refused by a venue before, whose word was lost with it.

    `age` is how many milliseconds ago the venue knew for the last time that there was no other one, which may have come
    further since.
    """

    term: int
    entered: int
    seq: int
    known: bool
    refusals: tuple[Refusal, ...] = ()
    begun: int = 0
    age: int = 0


class Wanted(Struct, frozen=True, array_like=True):
    """Of a gateway that needs an image: one of the `history` that it was in has to have the batch `seq`."""

    history: str
    seq: int


wanted_decoder = msgspec.msgpack.Decoder(Wanted)
call_decoder = msgspec.msgpack.Decoder(Call)
reply_decoder = msgspec.msgpack.Decoder(Reply)
encode = msgspec.msgpack.encode
