"""Error replies: one for each pair of the request, or one alone (spec/kraken.md 2.1)."""

from __future__ import annotations

from collections.abc import Iterator

from polyfeed.dialects._base.effects import Effect, FeedKey, Send
from polyfeed.dialects.kraken import wire
from polyfeed.dialects.kraken.requests import Refused, Request


class Errors:
    """The error replies to one request; what each of them repeats is encoded once."""

    __slots__ = ("_event", "_reqid", "_subscription")

    def __init__(self, request: Request, event: str = "subscriptionStatus") -> None:
        subscription = request.get("subscription")
        self._event = event
        self._reqid = wire.encode(request["reqid"]) if "reqid" in request else None
        self._subscription = wire.encode(subscription) if isinstance(subscription, dict) else None

    def reply(self, text: str, spelled: str | None = None, key: FeedKey | None = None) -> Effect:
        """One error about the pair as the client spelled it; about the channel `key` where the client asked for `*`."""
        subscription = self._subscription if key is None else wire.subscription_text(key.channel, key.parameter)
        return Send(wire.error_status(text, event=self._event, pair=spelled, reqid=self._reqid, of=subscription))


def refusal(refused: Refused, request: Request) -> list[Effect]:
    """What a request gets that is wrong as a whole: the same error for each of its pairs."""
    errors = Errors(request, refused.event)
    replies = [errors.reply(refused.text, spelled) for spelled in spelled_pairs(request.get("pair"))]
    return replies or [errors.reply(refused.text)]


def spelled_pairs(value: object) -> Iterator[str]:
    """The pairs of a request as the client spelled them; what is no string is spelled as its JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield item if isinstance(item, str) else wire.encode(item)
