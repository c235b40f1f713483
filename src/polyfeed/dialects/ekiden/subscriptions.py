"""What one connection is subscribed to, and the replies that say so (spec/ekiden.md 3, 4).

A request is not atomic: each bad topic gets an error, then one acknowledgement lists the good ones, if there are any,
then their snapshots follow. Whoever subscribes again to what there is already gets a snapshot again: that is how a
client mends a book. Whoever unsubscribes from what is not there is acknowledged too.
"""

from __future__ import annotations

from collections.abc import Callable

from polyfeed.dialects._base.effects import Effect, Join, Leave, Send, Snapshot
from polyfeed.dialects.ekiden import spec, wire
from polyfeed.dialects.ekiden.topics import Topic, TopicRefused
from polyfeed.dialects.ekiden.wire import ReqId

Reader = Callable[[str], Topic]
"""What a topic's text stands for on this socket. Raises TopicRefused."""


class Subscriptions:
    """The table of one connection. All methods give effects in their order.

    `over` says whether the last subscribe asked for more topics than a connection may have.
    """

    def __init__(self) -> None:
        self.over = False
        self._held: dict[str, Topic] = {}

    def __len__(self) -> int:
        return len(self._held)

    def begin(self, args: list[str], read: Reader, req_id: ReqId) -> list[Effect]:
        """Subscribes to topics."""
        errors: list[Effect] = []
        begun: list[Effect] = []
        accepted: list[str] = []
        self.over = False
        for text in args:
            try:
                topic = self._held.get(text) or self._new(text, read)
            except TopicRefused as refused:
                errors.append(Send(wire.error(str(refused), req_id)))
                continue
            accepted.append(text)
            if text not in self._held:
                self._held[text] = topic
                begun += [Join(key) for key in topic.keys]
            if topic.first:
                begun += [Snapshot(key) for key in topic.keys]
        return [*errors, *self._acknowledged("subscribed", accepted, req_id), *begun]

    def end(self, args: list[str], read: Reader, req_id: ReqId) -> list[Effect]:
        """Unsubscribes from topics."""
        errors: list[Effect] = []
        ended: list[Effect] = []
        accepted: list[str] = []
        for text in args:
            topic = self._held.pop(text, None)
            if topic is not None:
                ended += [Leave(key) for key in topic.keys]
            elif refused := _refusal(text, read):
                errors.append(Send(wire.error(refused, req_id)))
                continue
            accepted.append(text)
        return [*errors, *ended, *self._acknowledged("unsubscribed", accepted, req_id)]

    def renew(self, read: Reader) -> list[Effect]:
        """Topics stand for more than they did: what has come to them is heard from now on."""
        joined: list[Effect] = []
        for text, before in self._held.items():
            topic = self._held[text] = read(text)
            joined += [Join(key) for key in topic.keys if key not in before.keys]
        return joined

    def _new(self, text: str, read: Reader) -> Topic:
        topic = read(text)
        if len(self._held) >= spec.MAX_TOPICS:
            self.over = True
            raise TopicRefused(f"{spec.TOO_MANY_TOPICS}: {text}")
        return topic

    def _acknowledged(self, op: str, accepted: list[str], req_id: ReqId) -> list[Effect]:
        return [Send(wire.acknowledged(op, accepted, req_id))] if accepted else []


def _refusal(text: str, read: Reader) -> str:
    """Why a topic is none on this socket; empty when it is one."""
    try:
        read(text)
    except TopicRefused as refused:
        return str(refused)
    return ""
