"""History, as gateways ask it: in their own process, or in the venue's over whatever carries bytes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from polyfeed.bus.questions import (
    decode_answer,
    decode_question,
    encode_answer,
    encode_question,
    encode_refusal,
)
from polyfeed.model.history import HistoryUnavailable, Query

log = logging.getLogger("polyfeed.history")

WAITING = 256
"""Questions that may wait at once; one more is refused at once."""

ANSWER_SECONDS = 2.0
"""What a question waits for history to come up with the venue."""

REMOTE_SECONDS = ANSWER_SECONDS + 1.0
"""What a question waits for the other process, which has its own reasons after ANSWER_SECONDS."""

NOBODY = "the venue's process does not answer questions about history; ask again later"
MANY = "too many questions wait for history; ask again later"


class Historian(Protocol):
    """Who keeps history. `epoch` is that of the batches it is made of."""

    epoch: int

    async def ask(self, query: Query, seq: int) -> Sequence[Any]:
        """The rows that answer a query, as of a batch or a later one. Raises HistoryUnavailable."""
        ...


class RemoteHistorian:
    """History in another process. `request` sends a question's bytes and gives its answer's; what it raises as OSError
    or TimeoutError is that nobody answers.
    """

    def __init__(self, epoch: int, request: Callable[[bytes], Awaitable[bytes]]) -> None:
        self.epoch = epoch
        self._request = request
        self._asked = 0

    async def ask(self, query: Query, seq: int) -> Sequence[Any]:
        """As `Historian`, within REMOTE_SECONDS."""
        if self._asked >= WAITING:
            raise HistoryUnavailable(MANY)
        self._asked += 1
        try:
            async with asyncio.timeout(REMOTE_SECONDS):
                return decode_answer(query, await self._request(encode_question(query, seq)))
        except OSError as error:  # TimeoutError is one
            raise HistoryUnavailable(NOBODY) from error
        except ValueError as error:
            log.error("history cannot be read from the venue's process: %s", error)
            raise HistoryUnavailable(NOBODY) from error
        finally:
            self._asked -= 1


class HistoryRole:
    """Answers questions of other processes, whatever brings them."""

    def __init__(self, historian: Historian) -> None:
        self.epoch = historian.epoch
        self._historian = historian

    async def answer(self, data: bytes) -> bytes:
        """The answer to a question, both as `bus.questions` has them; for what is none, a refusal that says so."""
        try:
            question = decode_question(data)
            return encode_answer(question.query, await self._historian.ask(question.query, question.seq))
        except HistoryUnavailable as refusal:
            return encode_refusal(refusal)
        except ValueError as error:
            return encode_refusal(HistoryUnavailable(str(error)))
        except Exception:
            log.exception("a question about history failed")
            return encode_refusal(HistoryUnavailable("history cannot answer; the venue's log says why"))
