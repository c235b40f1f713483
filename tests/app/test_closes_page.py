"""docs/closes.md is what the code says, and the code says all that it closes with."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from polyfeed.app.closes_page import page
from polyfeed.dialects.registry import DIALECTS
from polyfeed.gateway import closes

PAGE = Path(__file__).parents[2] / "docs" / "closes.md"
LONGEST_REASON = 123
"""Bytes: a control frame has 125, two of which are the code (RFC 6455 section 5.5)."""


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_close_of_the_gateway_is_on_the_list() -> None:
    named = {value for value in vars(closes).values() if isinstance(value, closes.CloseCause)}
    assert named == set(closes.CLOSES)


@pytest.mark.parametrize("name", DIALECTS)
def test_every_close_of_a_dialect_is_on_the_list(name: str) -> None:
    spec = importlib.import_module(f"polyfeed.dialects.{name}.spec")
    listed = {(cause.code, cause.reason) for cause in spec.CLOSES}
    named = {value for key, value in vars(spec).items() if "CLOSE" in key and is_close(value)}
    assert named <= listed
    assert len(listed) == len(spec.CLOSES)
    for cause in spec.CLOSES:
        assert len(cause.reason.encode()) <= LONGEST_REASON
        assert cause.when.endswith(".")


def is_close(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], int) and isinstance(value[1], str)
