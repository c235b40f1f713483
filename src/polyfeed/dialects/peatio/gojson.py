"""What Go's encoding/json says of a text that is no JSON (sheet 1, errors): Rango sends that on to the client.

A message is read with Python's own parser; goscanner.py finds Go's words for what that refuses.
"""

from __future__ import annotations

import json
import math
from typing import Any

from polyfeed.dialects.peatio.goscanner import TOO_DEEP, complaint

NAMES = {dict: "object", list: "array", str: "string", bool: "bool", float: "number"}


class GoError(ValueError):
    """The text is not what Go's decoder takes; the argument is what it says."""


def decode_object(text: str) -> dict[str, Any]:
    """A JSON object as Go reads it into a map; null is an empty one. Raises GoError."""
    try:
        value = _decoder.decode(text)
    except RecursionError:
        raise GoError(TOO_DEEP) from None
    except GoError:
        raise
    except ValueError:
        raise GoError(complaint(text)) from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise GoError(f"json: cannot unmarshal {NAMES[type(value)]} into Go value of type map[string]interface {{}}")
    return value


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise GoError(f"json: cannot unmarshal number {text} into Go value of type float64")
    return value


def _no_constant(name: str) -> float:
    raise ValueError(name)


_decoder = json.JSONDecoder(parse_int=_number, parse_float=_number, parse_constant=_no_constant)
