"""What a key of the configuration wants, in words, for whoever gave it something else."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import inspect


def wants(kind: Any, value: object) -> str:
    """What is wrong with the value of a key of this type, empty when nothing is. A secret is not repeated."""
    try:
        msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        known = inspect.type_info(kind)
        given = "what it was given" if isinstance(known, inspect.Metadata) else repr(value)
        return f"wants {words(known)}, not {given}"
    return ""


def words(kind: inspect.Type) -> str:
    """A type in words."""
    match kind:
        case inspect.Metadata():
            return words(kind.type)
        case inspect.UnionType():
            return " or ".join(words(one) for one in kind.types)
        case inspect.LiteralType():
            return _one_of([str(one) or "nothing" for one in kind.values])
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + _bounds(kind)
        case inspect.FloatType():
            return "a number" + _bounds(kind)
        case inspect.StrType() if kind.pattern is not None:
            return f"text that matches {kind.pattern}"
    return "text"


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.ge is not None and kind.le is not None:
        return f" from {kind.ge} to {kind.le}"
    if kind.ge is not None:
        return f" of {kind.ge} or more"
    return "" if kind.gt is None else f" above {kind.gt}"


def _one_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
