"""What Go's encoding/json says of a text that is no JSON (sheet 1, errors): Rango sends that on to the client.

A message is read with Python's own parser; only one that it refuses is walked through here, to find Go's words for it.
The automaton is that of Go's scanner: what may come next, and the words for where it stood when something else came.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

END = "unexpected end of JSON input"
TOO_DEEP = "exceeded max depth"
MAX_DEPTH = 10_000
_SPACE = " \t\r\n"
_LITERALS = {"t": "true", "f": "false", "n": "null"}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"')
_NAMES = {dict: "object", list: "array", str: "string", bool: "bool", float: "number", int: "number"}


class GoError(ValueError):
    """The text is not what Go's decoder takes; the argument is what it says."""


def decode_object(text: str) -> dict[str, Any] | None:
    """A JSON object as Go reads it into a map; None for null. Raises GoError."""
    try:
        value = _decoder.decode(text)
    except RecursionError:
        raise GoError(TOO_DEEP) from None
    except GoError:
        raise
    except ValueError:
        raise GoError(complaint(text)) from None
    if value is None or isinstance(value, dict):
        return value
    raise GoError(f"json: cannot unmarshal {_NAMES[type(value)]} into Go value of type map[string]interface {{}}")


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise GoError(f"json: cannot unmarshal number {text} into Go value of type float64")
    return value


def _constant(name: str) -> float:
    raise ValueError(name)


_decoder = json.JSONDecoder(parse_int=_number, parse_float=_number, parse_constant=_constant)


def complaint(text: str) -> str:
    """What Go says of a text that is no JSON."""
    return _Scanner(text).run()


class _Stop(Exception):
    """The scanner found what is wrong."""


class _Scanner:
    """Walks through a text until Go would stop. `at` is the place in it, `open` the brackets around it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.open: list[str] = []

    def run(self) -> str:
        try:
            self._value()
            while self.open:
                self._after_value()
            self._fail_unless("", "after top-level value")
        except _Stop as stop:
            return str(stop)
        return END

    def _peek(self) -> str:
        """The next character that is no space."""
        while self.at < len(self.text) and self.text[self.at] in _SPACE:
            self.at += 1
        return self._here()

    def _here(self) -> str:
        if self.at >= len(self.text):
            raise _Stop(END)
        return self.text[self.at]

    def _fail_unless(self, wanted: str, where: str) -> str:
        """The next character, if it is one of those wanted."""
        char = self._peek()
        if char not in wanted or not wanted:
            self._fail(where)
        return char

    def _fail(self, where: str) -> None:
        raise _Stop(f"invalid character {quoted(self._here())} {where}")

    def _value(self) -> None:
        """One value, or the beginning of an object or array."""
        char = self._peek()
        if char in "{[":
            self.at += 1
            self.open.append(char)
            if len(self.open) > MAX_DEPTH:
                raise _Stop(TOO_DEEP)
            self._opened(char)
        elif char == '"':
            self._string()
        elif char in "-0123456789":
            self._number()
        elif char in _LITERALS:
            self._literal(_LITERALS[char])
        else:
            self._fail("looking for beginning of value")

    def _opened(self, char: str) -> None:
        """Just after a bracket: its end, or the first thing in it."""
        if self._peek() == ("}" if char == "{" else "]"):
            self.at += 1
            self.open.pop()
        elif char == "{":
            self._key()
        else:
            self._value_in_array()

    def _value_in_array(self) -> None:
        self._value()

    def _key(self) -> None:
        self._fail_unless('"', "looking for beginning of object key string")
        self._string()
        self._fail_unless(":", "after object key")
        self.at += 1
        self._value()

    def _after_value(self) -> None:
        """After a value in an object or array: the next one, or the end."""
        if self.open[-1] == "{":
            char = self._fail_unless(",}", "after object key:value pair")
            self.at += 1
            if char == ",":
                self._key()
                return
        else:
            char = self._fail_unless(",]", "after array element")
            self.at += 1
            if char == ",":
                self._value()
                return
        self.open.pop()

    def _string(self) -> None:
        match = _STRING.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
            return
        self.at += 1
        while (char := self._here()) != "\\" and char >= " ":
            self.at += 1
            if char == '"':  # pragma: no cover - the pattern would have matched
                return
            self._pass_escapes()
        self._fail("in string literal")

    def _pass_escapes(self) -> None:
        while self._here() == "\\":
            self.at += 1
            if self._here() == "u":
                for _ in range(4):
                    self.at += 1
                    if self._here() not in "0123456789abcdefABCDEF":
                        self._fail("in \\u hexadecimal character escape")
            elif self._here() not in '"\\/bfnrt':
                self._fail("in string escape code")
            self.at += 1

    def _number(self) -> None:
        match = _NUMBER.match(self.text, self.at)
        end = match.end() if match is not None else self.at + 1
        self.at = end
        if match is None:
            self._fail("in numeric literal")
        following = self.text[end : end + 1]
        done = match[0] if match is not None else ""
        if following == "." and "." not in done and "e" not in done.lower():
            self.at += 1
            self._fail("after decimal point in numeric literal")
        if following in {"e", "E"} and "e" not in done.lower():
            self.at += 1
            if self._here() in "+-":
                self.at += 1
            self._fail("in exponent of numeric literal")

    def _literal(self, word: str) -> None:
        for expected in word[1:]:
            self.at += 1
            if self._here() != expected:
                self._fail(f"in literal {word} (expecting {quoted(expected)})")
        self.at += 1


def quoted(char: str) -> str:
    """A character as Go's error shows it. Go looks at bytes: of a longer character it shows the first."""
    if char == "'":
        return "'\\''"
    if char == '"':
        return "'\"'"
    first = char if char.isascii() else chr(char.encode("utf-8", "surrogatepass")[0])
    named = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\"}
    if first in named:
        return f"'{named[first]}'"
    if first < " " or first == "\x7f":
        return f"'\\x{ord(first):02x}'"
    return f"'{first}'" if first.isprintable() else f"'\\u{ord(first):04x}'"
