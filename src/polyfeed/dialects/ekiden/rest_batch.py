"""What the wishes of a call come to, and a call with several of them (spec/ekiden.md 7): each is carried out, whatever
became of the ones before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from polyfeed.dialects._base.rest import RestAnswer, RestSubmit
from polyfeed.dialects.ekiden.ids import order_uuid
from polyfeed.dialects.ekiden.public_objects import Object
from polyfeed.dialects.ekiden.rest_values import Call, CallRefused, reply
from polyfeed.dialects.ekiden.wire import milliseconds
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import AnyCommand

Fields = dict[str, Any]


class Step:
    """What one wish of a call comes to: commands, of which the last is about its order, and that order's names; `link`
    is the client's own. An order that is to be made has no id before the venue gives it one."""

    __slots__ = ("commands", "link", "order_id")

    def __init__(self, commands: Sequence[AnyCommand], order_id: int, link: str) -> None:
        self.commands = commands
        self.order_id = order_id
        self.link = link

    def submit(self, told: Callable[[Outcome], RestAnswer], done: int = 0) -> RestSubmit:
        """Carries out the commands; `told` hears what became of the last one, or of the first that was refused."""

        def next_one(outcome: Outcome) -> RestAnswer:
            if outcome.accepted and done + 1 < len(self.commands):
                return self.submit(told, done + 1)
            return told(outcome)

        return RestSubmit(self.commands[done], next_one)

    def result(self, outcome: Outcome) -> Object:
        """What the client is told of it. Raises CallRefused when the venue refused it."""
        if not outcome.accepted:
            raise CallRefused.of(outcome)
        return {"order_id": order_uuid(self.order_id or outcome.order_id), "order_link_id": self.link or None}


Reader = Callable[[Call, Fields], Step]


SUCCESS = {"Success": {"code": 0, "msg": "OK"}}


class Series:
    """A batch call: its wishes are read and carried out one after the other, whatever becomes of the ones before."""

    def __init__(self, call: Call, read: Reader, wishes: list[Any]) -> None:
        self._call = call
        self._read = read
        self._wishes = wishes
        self._results: list[Object] = []
        self._exits: list[Object] = []

    def go_on(self) -> RestAnswer:
        """The next command, or the reply when there is none left."""
        while len(self._exits) < len(self._wishes):
            wish = self._wishes[len(self._exits)]
            try:
                if not isinstance(wish, dict):
                    raise CallRefused("an entry of request must be an object")
                step = self._read(self._call, wish)
            except CallRefused as refused:
                self._refuse(refused)
                continue
            return step.submit(partial(self._told, step))
        return reply({"result": self._results, "exit_info": self._exits, "time": milliseconds(self._call.now)})

    def _told(self, step: Step, outcome: Outcome) -> RestAnswer:
        try:
            self._results.append(step.result(outcome))
            self._exits.append(SUCCESS)
        except CallRefused as refused:
            self._refuse(refused)
        return self.go_on()

    def _refuse(self, refused: CallRefused) -> None:
        self._results.append({"order_id": "", "order_link_id": None})
        self._exits.append({"Error": {"code": refused.number, "msg": str(refused)}})
