"""Events of any class with any values that their types allow, small ones mostly, so that they meet each other."""

from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from msgspec import Struct

LATEST = 2**53
"""Times go to the year 2255; calendars end in 9999."""

NUMBERS = st.one_of(st.integers(0, 12), st.integers(-3, 60), st.integers(-(2**63), 2**63 - 1))
TIMES = st.one_of(st.just(0), st.integers(0, 10**9), st.integers(0, LATEST))


def event_of(kind: type[Struct], **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Any instance of a class; fields named in `fixed` come from there."""
    hints = get_type_hints(kind)
    values = {name: fixed[name] if name in fixed else value_of(hints[name], name) for name in kind.__struct_fields__}
    return st.fixed_dictionaries(values).map(lambda chosen: kind(**chosen))


def value_of(hint: Any, name: str = "") -> st.SearchStrategy[Any]:
    """Any value of a type; times are recognised by their names."""
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if isinstance(hint, type) and issubclass(hint, Struct):
        return event_of(hint)
    origin, inside = get_origin(hint), get_args(hint)
    if origin is list:
        return st.lists(value_of(inside[0], name), max_size=6)
    if origin is tuple and Ellipsis in inside:
        return st.lists(value_of(inside[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(value_of, inside))
    if origin is dict:
        return st.dictionaries(value_of(inside[0]), value_of(inside[1]), max_size=3)
    if origin in (Union, UnionType):
        return st.one_of(*map(value_of, inside))
    if name.endswith("ts"):
        return TIMES
    return {
        int: NUMBERS,
        bool: st.booleans(),
        str: st.sampled_from(("", "a", "BTC", "USD", "ü")),
        bytes: st.binary(max_size=4),
        type(None): st.none(),
    }[hint]
