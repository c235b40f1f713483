"""The log, on standard error: without what clients sent.

A program's own lines name no secrets, but the words of an exception may repeat what could not be read: a token, a
query, a whole message. So of an exception the log has its type, its stack and, of an operating system's, its reason.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from polyfeed.app.config import LogSection

_ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def configure(section: LogSection, who: str = "") -> None:
    """Has everything that is logged go to standard error, from the configured level on. `who` is a worker's name."""
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter(who))
    logging.basicConfig(level=section.level.upper(), handlers=[handler])


class Formatter(logging.Formatter):
    """Lines with the time, the level, `who` and the logger's name."""

    def __init__(self, who: str = "") -> None:
        super().__init__(f"%(asctime)s %(levelname)-7s {who and who + ' '}%(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The record's text. Another handler's text of the exception is not taken over."""
        own = logging.makeLogRecord(record.__dict__ | {"exc_text": None})
        if record.name == "asyncio" and record.exc_info:
            # Below its first line stand the representations of tasks and handles, with the exception's words in them.
            own.msg, own.args = record.getMessage().partition("\n")[0], None
        return super().format(own)

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - logging's name
        """The stacks of an exception and of those that led to it."""
        return "" if ei[1] is None else "".join(stacks(ei[1], set())).rstrip("\n")


def stacks(error: BaseException, told: set[int]) -> Iterator[str]:
    """Where an exception came from, causes first; `told` are the exceptions that have been told already."""
    told.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in told:
        yield from stacks(before, told)
        yield "\nand then:\n\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    kind = type(error)
    yield f"{kind.__module__}.{kind.__qualname__}{reason(error)}\n"
    for one in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        if id(one) not in told:
            yield from stacks(one, told)


def reason(error: BaseException) -> str:
    """What an operating system says, and nothing that anybody else does."""
    return f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
