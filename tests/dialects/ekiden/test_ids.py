"""Identifiers can be read back, and nothing else can be read as one."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyfeed.dialects.ekiden import ids


@given(st.integers(1, 2**53 - 1))
def test_orders(number: int) -> None:
    text = ids.order_uuid(number)
    assert ids.order_number(text) == number
    assert ids.order_number(text.upper()) == number
    assert str(uuid.UUID(text)) == text
    assert uuid.UUID(text).version == 7


def test_an_order_of_today_has_its_millisecond() -> None:
    number = (1_731_541_800_123 - 1_288_834_974_657 << 12) | 5
    assert (
        ids.order_uuid(number)
        == f"{1_731_541_800_123:012x}"[:8] + "-" + f"{1_731_541_800_123:012x}"[8:] + "-7005-8000-000000000001"
    )


@given(st.text() | st.uuids().map(str))
def test_other_text_is_no_order(text: str) -> None:
    number = ids.order_number(text)
    assert number is None or ids.order_uuid(number) == text.lower()


@given(st.integers(1, 2**55), st.booleans())
def test_trades(number: int, maker: bool) -> None:
    text = ids.trade_uuid(number, maker=maker)
    assert ids.execution_parts(text) == ("trade", number, maker)
    assert uuid.UUID(text).version == 8


@given(st.integers(1, 2**52), st.integers(0, 2**16 - 1), st.integers(1, 2**32 - 1))
def test_funding(ts: int, instrument: int, account: int) -> None:
    assert ids.execution_parts(ids.funding_uuid(ts, instrument, account)) == ("funding", ts, instrument << 40 | account)


def test_what_is_no_execution() -> None:
    with pytest.raises(ValueError, match="not the id"):
        ids.execution_parts(ids.order_uuid(77))


@given(st.integers(0, 2**62))
def test_accounts(number: int) -> None:
    address = ids.account_address(number)
    assert len(address) == 66
    assert ids.account_number(address) == ids.account_number(hex(number).upper().replace("X", "x")) == number
    assert ids.market_address(number) != address


@pytest.mark.parametrize("text", ["", "0x", "1001", "0xg", "0x" + "1" * 65, "0x-1", "0x\uff11"])
def test_what_is_no_address(text: str) -> None:
    assert ids.account_number(text) is None
