"""Questions about history and their answers as bytes: they come back as they were, and nothing else is taken for one."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from polyfeed.bus.questions import (
    Question,
    decode_answer,
    decode_question,
    encode_answer,
    encode_question,
    encode_refusal,
)
from polyfeed.dialects._base.recent import Recent
from polyfeed.model.candle import Candle
from polyfeed.model.enums import ExecutionKind, OrderKind, Side
from polyfeed.model.history import (
    MOST_ROWS,
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
)
from polyfeed.model.trades import TapeEntry
from tests.market.anything import NUMBERS, event_of
from tests.store.history.contract import flows
from tests.store.history.naive import Naive

WIDE = st.integers(-(2**80), 2**80)
"""Volumes of candles; their values are wider."""

COUNTS = st.integers(0, MOST_ROWS)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)

TRADES = st.builds(
    TapeEntry,
    *(NUMBERS,) * 4,
    st.sampled_from(Side),
    st.sampled_from(OrderKind),
    *(NUMBERS,) * 2,
    st.sampled_from(ExecutionKind),
)
ROWS: dict[type, st.SearchStrategy[Any]] = {
    FillsOf: event_of(FillRow),
    OrdersOf: event_of(OrderRow),
    ClosingsOf: event_of(OrderRow),
    PaymentsOf: event_of(PaymentRow),
    TradesOf: event_of(TradeRow, trade=TRADES),
    CandlesOf: event_of(Candle, volume=WIDE, value=st.integers(-(2**180), 2**180)),
    RatesOf: event_of(RateRow),
}
KINDS: tuple[type[Struct], ...] = get_args(Query)


def _question_of(kind: type[Struct]) -> st.SearchStrategy[Any]:
    fixed = {"limit": COUNTS, "offset": COUNTS, "client_id": TEXT}
    return event_of(kind, **{name: one for name, one in fixed.items() if name in get_type_hints(kind)})


QUERIES = {kind: _question_of(kind) for kind in KINDS}
"""Any query of each class."""


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(data=st.data())
def test_questions_come_back(kind: type[Struct], data: st.DataObject) -> None:
    query, seq = data.draw(QUERIES[kind]), data.draw(st.integers(0, 2**63 - 1))
    assert decode_question(encode_question(query, seq)) == Question(seq, query)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(data=st.data())
def test_answers_come_back(kind: type[Struct], data: st.DataObject) -> None:
    query, rows = data.draw(QUERIES[kind]), data.draw(st.lists(ROWS[kind], max_size=4))
    assert decode_answer(query, encode_answer(query, tuple(rows))) == rows


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(text=TEXT, data=st.data())
def test_refusals_come_back(kind: type[Struct], text: str, data: st.DataObject) -> None:
    with pytest.raises(HistoryUnavailable) as caught:
        decode_answer(data.draw(QUERIES[kind]), encode_refusal(HistoryUnavailable(text)))
    assert str(caught.value) == text


def test_bounds_that_no_row_reaches_ask_the_same() -> None:
    """Numbers of clients may be of any size, their names of any characters."""
    naive = Naive(flows()[0])
    recent = Recent(naive.market, naive.accounts)
    for query in (
        FillsOf(accounts=(1, 2, 1 << 90), before=1 << 70, until=1 << 64, since=-(1 << 80)),
        OrdersOf(accounts=(1, 2), client_id="\ud800\0"),
        TradesOf(instrument=0, after=(-(1 << 64), 1 << 64)),
        TradesOf(instrument=0, after=(1 << 64, 0)),
    ):
        decoded = decode_question(encode_question(query, 7))
        assert decoded.seq == 7
        assert decoded.query != query
        assert recent.ask(decoded.query) == recent.ask(query)
    assert recent.ask(FillsOf(accounts=(1, 2)))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_other_bytes_are_refused(data: bytes) -> None:
    """Or they happen to be a question, and then a whole one."""
    try:
        question = decode_question(data)
    except ValueError as error:
        assert str(error).startswith("not a question about history: ")
    else:
        assert decode_question(encode_question(question.query, question.seq)).query == question.query


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_answers_to_other_questions_are_refused(kind: type[Struct], data: st.DataObject) -> None:
    query = data.draw(QUERIES[kind])
    for other, rows in ROWS.items():
        if rows is ROWS[kind] or {kind, other} == {OrdersOf, ClosingsOf}:
            continue
        answer = encode_answer(data.draw(QUERIES[other]), [data.draw(rows)])
        with pytest.raises(ValueError, match=f"not an answer to {kind.__name__}: "):
            decode_answer(query, answer)


@pytest.mark.parametrize(
    "data", [b"", b"\xc0", b"\x92\x00", b"\x92\x02\x90", b"\xdd\xff\xff\xff\xff", b"\x92\x00\x90\x00"]
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not an answer to RatesOf: "):
        decode_answer(RatesOf(instrument=0), data)


@pytest.mark.parametrize(
    "query",
    [TradesOf(instrument=0, limit=-1), TradesOf(instrument=0, limit=MOST_ROWS + 1), FillsOf(accounts=(), offset=-1)],
)
def test_questions_without_bounds_are_refused(query: Query) -> None:
    with pytest.raises(ValueError, match="not a question about history: "):
        decode_question(encode_question(query, 1))


def test_the_most_trades_that_anybody_asks_for_fit_into_a_message() -> None:
    """Buses between machines take a megabyte unless told otherwise. Of other rows nobody asks for more than 1,001."""
    query = TradesOf(instrument=0, limit=MOST_ROWS)
    row = TradeRow(3, TapeEntry(1 << 52, 1 << 50, 1 << 50, 1 << 52, Side.SELL, OrderKind.LIMIT, 1 << 52, 1 << 52))
    assert len(encode_answer(query, [row] * MOST_ROWS)) < 1 << 20
