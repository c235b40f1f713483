"""A batch: everything one command decided, in the order it happened, and its encoding.

On the wire a batch is one MessagePack array whose public and private parts are each a byte string, so a reader that
serves only public channels never decodes the private part.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from polyfeed.model.commands import Origin
from polyfeed.model.enums import Refusal
from polyfeed.model.events import PrivateEvent, PublicEvent


class Outcome(Struct, frozen=True, array_like=True, gc=False):
    """What became of a command. A refused command changed nothing; `detail` says what was wrong with which value."""

    refusal: Refusal | None = None
    detail: str = ""
    order_id: int = 0

    @property
    def accepted(self) -> bool:
        """Whether the command was carried out."""
        return self.refusal is None


ACCEPTED = Outcome()


class Batch(Struct, frozen=True):
    """The result of one command (or of one message of a recording).

    `epoch` names the history that `seq` counts in. `more` says that the decision is not finished and goes on with the
    next batch, which nothing but `Proceed` may come before.
    """

    epoch: int
    seq: int
    ts: int
    outcome: Outcome = ACCEPTED
    origin: Origin | None = None
    public: list[PublicEvent] = []
    private: dict[int, list[PrivateEvent]] = {}
    more: bool = False


class _Wire(Struct, frozen=True, array_like=True):
    epoch: int
    seq: int
    ts: int
    outcome: Outcome
    origin: Origin | None
    more: bool
    public: bytes
    private: bytes


_encoder = msgspec.msgpack.Encoder()
_wire_decoder = msgspec.msgpack.Decoder(_Wire)
_public_decoder = msgspec.msgpack.Decoder(list[PublicEvent])
_private_decoder = msgspec.msgpack.Decoder(dict[int, list[PrivateEvent]])


def encode_batch(batch: Batch) -> bytes:
    """The batch as bytes, the same for the same batch on every machine."""
    return _encoder.encode(
        _Wire(
            batch.epoch,
            batch.seq,
            batch.ts,
            batch.outcome,
            batch.origin,
            batch.more,
            _encoder.encode(batch.public),
            _encoder.encode(batch.private),
        )
    )


def decode_batch(data: bytes, *, private: bool = True) -> Batch:
    """Reads a batch; without its private part where `private` is False. Raises msgspec.DecodeError on anything else."""
    wire = _wire_decoder.decode(data)
    return Batch(
        wire.epoch,
        wire.seq,
        wire.ts,
        wire.outcome,
        wire.origin,
        _public_decoder.decode(wire.public),
        _private_decoder.decode(wire.private) if private else {},
        wire.more,
    )
