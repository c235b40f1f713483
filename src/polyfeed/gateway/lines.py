"""The lines of a fan-out, and who of them is told what."""

from __future__ import annotations

from polyfeed.dialects._base.effects import ANY, FeedKey
from polyfeed.dialects._base.feeds import Feed
from polyfeed.gateway.line import Line


class Places(dict[int | str, tuple[Line, ...]]):
    """The lines that are told of what happens at one place (line.py), and `all` that are of what happens at any."""

    all: tuple[Line, ...] = ()

    def add(self, place: int | str, line: Line) -> None:
        """A line is told."""
        self._set(place, (*self.get(place, ()), line))

    def remove(self, place: int | str, line: Line) -> None:
        """It is told no more."""
        self._set(place, tuple(one for one in self[place] if one is not line))

    def _set(self, place: int | str, lines: tuple[Line, ...]) -> None:
        if lines:
            self[place] = lines
        else:
            del self[place]
        self.all = self.get(ANY, ())


class Lines(dict[FeedKey, Line]):
    """By the keys of their feeds. `public` has by class who is told of public changes, `private` who is of those of an
    account; `timed` are those that are asked at marks of time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.public: dict[type, Places] = {}
        self.private: dict[type, Places] = {}
        self.timed: dict[Line, None] = {}

    def open(self, feed: Feed) -> Line:
        """A line for a feed that there was none for."""
        line = self[feed.key] = Line(feed)
        for kind, place in line.wants():
            self._told(line).setdefault(kind, Places()).add(place, line)
        if feed.timed:
            self.timed[line] = None
        return line

    def end(self, line: Line) -> None:
        """The line is told nothing any more."""
        del self[line.feed.key]
        self.timed.pop(line, None)
        told = self._told(line)
        for kind, place in line.wants():
            told[kind].remove(place, line)
            if not told[kind]:
                del told[kind]

    def empty(self) -> bool:
        """Whether nothing is left of any."""
        return not (self or self.public or self.private or self.timed)

    def _told(self, line: Line) -> dict[type, Places]:
        return self.private if line.private else self.public
