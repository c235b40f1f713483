"""How old what a gateway shows is, by its own clock alone.

The venue says with each answer to a call how far it has come. Once a gateway has heard all of that, it shows everything
that was decided up to the moment in which it had asked, however long anything was on its way, in whatever buffer, and
whatever other clocks say. Where the venue cannot tell that it was the only one then, it says for how long, and that
much is taken off.
"""

from __future__ import annotations

from collections import deque

MOST_MARKS = 64
"""Answers that are remembered until the stream has come so far."""

APART_US = 50_000
"""Between the moments that remembered answers were asked for."""


class Freshness:
    """Pure. Times are in microseconds. What is shown was the present at `at`, None while that is not known."""

    def __init__(self) -> None:
        self.at: int | None = None
        self._term = 0
        self._seq = 0
        self._marks: deque[tuple[int, int, int]] = deque()

    def heard(self, term: int, seq: int) -> None:
        """The stream was heard up to a batch, written in a term."""
        self._term, self._seq = term, seq
        while self._marks and (self._marks[0][1] < term or self._reached(*self._marks[0][1:])):
            asked, of, _ = self._marks.popleft()
            if of == term:
                self._true(asked)

    def told(self, asked: int, term: int, seq: int) -> None:
        """The venue of a term had come to a batch when it was asked. What one says that was replaced counts nothing."""
        if self._reached(term, seq):
            self._true(asked)
        elif term >= self._term and self._has_room(asked):
            self._marks.append((asked, term, seq))

    def begin(self, term: int, seq: int) -> None:
        """What is shown is another state, no older than the one before: it is as good as that was, until confirmed."""
        self.heard(term, seq)

    def _has_room(self, asked: int) -> bool:
        return not self._marks or (len(self._marks) < MOST_MARKS and asked - self._marks[-1][0] >= APART_US)

    def _reached(self, term: int, seq: int) -> bool:
        return term == self._term and seq <= self._seq

    def _true(self, asked: int) -> None:
        self.at = asked if self.at is None else max(self.at, asked)
