"""Reads what a client sent (sheet 1, errors; 2, message).

What is refused is answered with the words of the profile's server, or of the seed page where a client may authenticate
by message. Nothing that anybody sends ends the connection.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from polyfeed.dialects.peatio import gojson, spec, wire
from polyfeed.dialects.peatio.gojson import GoError


class Refused(Exception):
    """A message is refused; `reply` is the whole answer."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


class Subscription(Struct, frozen=True):
    """A subscribe or unsubscribe; `streams` as the client spelled them."""

    event: str
    streams: list[str]


class Jwt(Struct, frozen=True):
    """A token in a message, without its `Bearer `."""

    token: str


class Reader:
    """`replies` are those to a jwt message, empty for none; `requests` says whether there is anything else."""

    def __init__(self, replies: str, *, requests: bool) -> None:
        self._replies = replies
        self._requests = requests

    def read(self, text: str) -> Subscription | Jwt:
        """What a message asks for. Raises Refused."""
        try:
            message = gojson.decode_object(text)
        except GoError as error:
            raise Refused(self._unreadable(str(error))) from None
        if self._replies and ("jwt" in message or not ("event" in message and self._requests)):
            return self._jwt(message)
        event = message.get("event")
        if not isinstance(event, str) or event not in spec.EVENTS:
            raise Refused(wire.failure(spec.INVALID_EVENT))
        return Subscription(event, read_streams(message))

    def token_refused(self) -> str:
        """The answer to a token that does not verify."""
        return wire.auth_failure(spec.AUTHENTICATION_FAILED)

    def _unreadable(self, error: str) -> str:
        """The answer to what is no JSON object."""
        if not self._replies:
            return wire.failure(spec.COULD_NOT_PARSE + error)
        seed = self._replies == "seed"
        return wire.auth_failure(spec.HANDLING_FAILED if seed else spec.AUTHENTICATION_FAILED)

    def _jwt(self, message: dict[str, Any]) -> Jwt:
        token = message.get("jwt")
        if isinstance(token, str) and token.startswith(spec.BEARER):
            return Jwt(token.removeprefix(spec.BEARER))
        seed = self._replies == "seed"
        raise Refused(wire.auth_failure(spec.TOKEN_TYPE if seed else spec.AUTHENTICATION_FAILED))


def read_streams(message: dict[str, Any]) -> list[str]:
    """The streams of a request. A string or an object counts as no streams, as with Rango; null and foreign elements,
    which end Rango's process, are refused.
    """
    streams = message.get("streams")
    if streams is None:
        raise Refused(wire.failure(spec.NO_STREAMS))
    if not isinstance(streams, list):
        return []
    for one in streams:
        if not isinstance(one, str):
            kind = "null" if one is None else gojson.NAMES[type(one)]
            text = f"json: cannot unmarshal {kind} into Go value of type string"
            raise Refused(wire.failure(spec.COULD_NOT_PARSE + text))
    return [wire.sane(one) for one in streams]
