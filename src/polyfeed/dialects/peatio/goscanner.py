"""Go's JSON scanner, as far as its words for what is wrong with a text.

The automaton says what may come next, and names where it stood when something else came. `encoding/json` has the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn

END = "unexpected end of JSON input"
TOO_DEEP = "exceeded max depth"
MAX_DEPTH = 10_000
_SPACE = " \t\r\n"
_LITERALS = {"t": "true", "f": "false", "n": "null"}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_QUOTED = {"'": "\\'", "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\v": "\\v"}


def complaint(text: str) -> str:
    """What Go says of a text that is no JSON."""
    return _Scanner(text).run()


class _Stop(Exception):
    """The scanner found what is wrong."""


class _Scanner:
    """Walks through a text until Go would stop. `at` is the place in it, `open` has the brackets around it.

    Each step gives the next one; the last step is the one that raises.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.open: list[str] = []

    def run(self) -> str:
        """What Go says."""
        step = self._value
        try:
            while True:
                step = step()
        except _Stop as stop:
            return str(stop)

    # --- steps ------------------------------------------------------------------------------------------------------

    def _value(self) -> Callable[[], Any]:
        char = self._next()
        if char in "{[":
            self.at += 1
            self.open.append(char)
            if len(self.open) > MAX_DEPTH:
                raise _Stop(TOO_DEEP)
            return self._first_key if char == "{" else self._first_element
        if char == '"':
            self._string()
        elif char in "-0123456789":
            self._number()
        elif char in _LITERALS:
            self._literal(_LITERALS[char])
        else:
            self._fail("looking for beginning of value")
        return self._after

    def _first_key(self) -> Callable[[], Any]:
        return self._close if self._next() == "}" else self._key()

    def _first_element(self) -> Callable[[], Any]:
        return self._close if self._next() == "]" else self._value

    def _key(self) -> Callable[[], Any]:
        if self._next() != '"':
            self._fail("looking for beginning of object key string")
        self._string()
        if self._next() != ":":
            self._fail("after object key")
        self.at += 1
        return self._value

    def _close(self) -> Callable[[], Any]:
        self.at += 1
        self.open.pop()
        return self._after

    def _after(self) -> Callable[[], Any]:
        """After a value: the next one, or the end of what it stands in."""
        char = self._next()
        if not self.open:
            self._fail("after top-level value")
        in_object = self.open[-1] == "{"
        if char == ("}" if in_object else "]"):
            return self._close
        if char != ",":
            self._fail("after object key:value pair" if in_object else "after array element")
        self.at += 1
        return self._key if in_object else self._value

    # --- parts ------------------------------------------------------------------------------------------------------

    def _next(self) -> str:
        """The next character that is no space."""
        while self.text[self.at : self.at + 1] in tuple(_SPACE):
            self.at += 1
        return self._here()

    def _here(self) -> str:
        if self.at >= len(self.text):
            raise _Stop(END)
        return self.text[self.at]

    def _fail(self, where: str) -> NoReturn:
        raise _Stop(f"invalid character {quoted(self._here())} {where}")

    def _string(self) -> None:
        self.at += 1
        while (char := self._here()) != '"':
            if char < " ":
                self._fail("in string literal")
            self.at += 1
            if char == "\\":
                self._escape()
        self.at += 1

    def _escape(self) -> None:
        if self._here() != "u":
            if self._here() not in '"\\/bfnrt':
                self._fail("in string escape code")
            self.at += 1
            return
        for _ in range(4):
            self.at += 1
            if self._here() not in "0123456789abcdefABCDEF":
                self._fail("in \\u hexadecimal character escape")
        self.at += 1

    def _number(self) -> None:
        match = _NUMBER.match(self.text, self.at)
        if match is None:  # a minus and no digit
            self.at += 1
            self._fail("in numeric literal")
        self.at = match.end()
        done, following = match[0].lower(), self.text[self.at : self.at + 1]
        if following == "." and not {".", "e"} & set(done):
            self.at += 1
            self._fail("after decimal point in numeric literal")
        if following in {"e", "E"} and "e" not in done:
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
    first = char if char.isascii() else chr(char.encode("utf-8", "surrogatepass")[0])
    if first in _QUOTED:
        return f"'{_QUOTED[first]}'"
    if first == "\t":
        return "'\\t'"
    if first < " " or first == "\x7f":
        return f"'\\x{ord(first):02x}'"
    return f"'{first}'" if first.isprintable() else f"'\\u{ord(first):04x}'"
