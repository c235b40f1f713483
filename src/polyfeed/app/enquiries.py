"""Questions about history over a line that carries messages: each has a number, which its answer comes back with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

import msgspec
from msgspec import Struct

from polyfeed.app.historian import HistoryRole

Send = Callable[[bytes], None]


class Numbered(Struct, frozen=True, array_like=True):
    """A question or its answer, as `bus.questions` has them."""

    number: int
    data: bytes


_encode = msgspec.msgpack.encode
_decoder = msgspec.msgpack.Decoder(Numbered)


class Asking:
    """The side that asks: `request` sends by `send` what `hear` then takes the answers of."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._ended = False

    async def request(self, data: bytes) -> bytes:
        """The answer to a question, however long it takes. Raises ConnectionError once the line has ended."""
        if self._ended:
            raise ConnectionError
        number = next(self._numbers)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._send(_encode(Numbered(number, data)))
        try:
            return await answer
        finally:
            del self._waiting[number]

    def hear(self, payload: bytes) -> None:
        """Takes an answer; nobody waits any more for one that is late."""
        heard = _decoder.decode(payload)
        answer = self._waiting.get(heard.number)
        if answer is not None and not answer.done():
            answer.set_result(heard.data)

    def end(self) -> None:
        """The line has ended: nothing that waits will be answered."""
        self._ended = True
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionError())


class Answering:
    """The side that answers, as each question comes up, until `end`."""

    def __init__(self, role: HistoryRole, send: Send) -> None:
        self._role = role
        self._send = send
        self._tasks: set[asyncio.Task[None]] = set()

    def hear(self, payload: bytes) -> None:
        """Takes a question."""
        task = asyncio.create_task(self._answer(_decoder.decode(payload)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def end(self) -> None:
        """Whoever asked is gone: open questions are dropped."""
        for task in self._tasks:
            task.cancel()

    async def _answer(self, asked: Numbered) -> None:
        self._send(_encode(Numbered(asked.number, await self._role.answer(asked.data))))
