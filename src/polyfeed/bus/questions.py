"""Questions about history, and their answers, as MessagePack, for whoever keeps history in another process.

question = [seq, query]                 query = [tag, field…], as of a batch or a later one
answer   = [0, [row…]] | [1, text]      rows of the query's class, or why there are none now

A candle is the record of `model.candle`, since its sums may be wider than MessagePack's integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

from polyfeed.model.candle import RECORD_BYTES, pack, unpack
from polyfeed.model.history import (
    CandlesOf,
    ClosingsOf,
    FillRow,
    FillsOf,
    HistoryUnavailable,
    OrderRow,
    OrdersOf,
    PaymentRow,
    PaymentsOf,
    Query,
    RateRow,
    RatesOf,
    TradeRow,
    TradesOf,
    storable,
)

R = TypeVar("R")


class Question(Struct, frozen=True, array_like=True):
    """A query, and the last batch that whoever asks has heard of: the answer is as of that one or a later one."""

    seq: Annotated[int, Meta(ge=0)]
    query: Query


class _Rows(Struct, Generic[R], frozen=True, array_like=True, tag=0):
    rows: list[R]


class _Refused(Struct, frozen=True, array_like=True, tag=1):
    text: str


_Record = Annotated[bytes, Meta(min_length=RECORD_BYTES, max_length=RECORD_BYTES)]

_encoder = msgspec.msgpack.Encoder()
_question_decoder = msgspec.msgpack.Decoder(Question)
_answer_decoders: dict[type, msgspec.msgpack.Decoder[_Rows[Any] | _Refused]] = {
    kind: msgspec.msgpack.Decoder(cast("Any", _Rows[row] | _Refused))  # type: ignore[valid-type]
    for kind, row in (
        (FillsOf, FillRow),
        (OrdersOf, OrderRow),
        (ClosingsOf, OrderRow),
        (PaymentsOf, PaymentRow),
        (TradesOf, TradeRow),
        (CandlesOf, _Record),
        (RatesOf, RateRow),
    )
}


def encode_question(query: Query, seq: int) -> bytes:
    """A question as of a batch or a later one. Bounds beyond 64 bits become 64 bits', which mean the same."""
    return _encoder.encode(Question(seq, storable(query)))


def decode_question(data: bytes) -> Question:
    """Reads what `encode_question` wrote. Raises ValueError for anything else."""
    try:
        return _question_decoder.decode(data)
    except ValueError as error:
        raise ValueError(f"not a question about history: {error}") from error


def encode_answer(query: Query, rows: Sequence[Any]) -> bytes:
    """The rows that answer a query, of the class that belongs to it."""
    return _encoder.encode(_Rows([pack(one) for one in rows] if isinstance(query, CandlesOf) else list(rows)))


def encode_refusal(refusal: HistoryUnavailable) -> bytes:
    """The answer where there is none now."""
    return _encoder.encode(_Refused(str(refusal)))


def decode_answer(query: Query, data: bytes) -> list[Any]:
    """The rows that answer a query. Raises HistoryUnavailable for a refusal, ValueError for no answer to it."""
    try:
        answer = _answer_decoders[type(query)].decode(data)
    except ValueError as error:
        raise ValueError(f"not an answer to {type(query).__name__}: {error}") from error
    if isinstance(answer, _Refused):
        raise HistoryUnavailable(answer.text)
    return list(map(unpack, answer.rows)) if isinstance(query, CandlesOf) else answer.rows
