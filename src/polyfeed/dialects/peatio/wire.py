"""Text of numbers and of everything that is not a body (sheet 1, 3).

Bodies are spliced into their frame as text, never decoded, so an upstream's pass through byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.spec import Profile
from polyfeed.model.numbers import format_scaled

Frame = Callable[[str, str], str]
"""Makes a frame of a stream's name and a body that is JSON already."""


def plain(value: int, scale: int) -> str:
    """A number as Rails prints a BigDecimal: no zeros at the end, one decimal at least: (102000, 2) -> 1020.0."""
    text = format_scaled(value, scale)
    if scale == 0:
        return text + ".0"
    text = text.rstrip("0")
    return text + "0" if text.endswith(".") else text


def number_text(scale: int) -> Callable[[int], str]:
    """`plain` for one scale."""
    return lambda value: plain(value, scale)


def raw_string(text: str) -> str:
    """A JSON string as Ruby writes it: characters beyond ASCII as they are."""
    return json.dumps(sane(text), ensure_ascii=False)


_GO_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def go_string(text: str) -> str:
    """A JSON string as Go writes it: what HTML and JavaScript might misread is escaped."""
    return raw_string(text).translate(_GO_ESCAPES)


def sane(text: str) -> str:
    """The text with half characters replaced, so that it can be sent."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def frames(profile: Profile) -> Frame:
    """How the profile frames an event (sheet 0)."""
    quoted = go_string if profile.go_text else raw_string
    if profile.framing == "routed":
        return lambda name, body: f"{name} {body}"
    if profile.framing == "array":
        return lambda name, body: f"[{quoted(name)},{body}]"
    return lambda name, body: f"{{{quoted(name)}:{body}}}"


def acknowledgement(profile: Profile, message: str, streams: Iterable[str]) -> str:
    """The answer to subscribe and unsubscribe, and the welcome: all streams that are held (sheet 1)."""
    quoted = go_string if profile.go_text else raw_string
    return f'{{"success":{{"message":"{message}","streams":[{",".join(map(quoted, streams))}]}}}}'


def success(profile: Profile, message: str) -> str:
    """A success without streams."""
    quoted = go_string if profile.go_text else raw_string
    return f'{{"success":{{"message":{quoted(message)}}}}}'


def failure(message: str) -> str:
    """Rango's form of an error."""
    return f'{{"error":{go_string(message)}}}'


def auth_failure(message: str) -> str:
    """The seed's form of an error."""
    return f'{{"error":{{"message":"{message}"}}}}'


AUTHENTICATED = f'{{"success":{{"message":"{spec.AUTHENTICATED}"}}}}'
