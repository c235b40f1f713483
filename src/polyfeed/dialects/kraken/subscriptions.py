"""What one connection is subscribed to, and the replies that say so (spec/kraken.md 3.1 to 3.3).

A request is not atomic: each of its pairs succeeds or fails alone, in the order of the request. Errors repeat what the
client sent, successes name the canonical pair.
"""

from __future__ import annotations

from polyfeed.dialects._base.effects import Effect, FeedKey, Join, Leave, Send, Snapshot
from polyfeed.dialects.kraken import spec, wire
from polyfeed.dialects.kraken.ids import channel_id, numbered_channel
from polyfeed.dialects.kraken.pairs import Pair, Pairs, is_pair_name
from polyfeed.dialects.kraken.replies import Errors, spelled_pairs
from polyfeed.dialects.kraken.requests import Refused, Request, Wish
from polyfeed.dialects.kraken.spec import Profile
from polyfeed.model.enums import InstrumentStatus


class Subscriptions:
    """The table of one connection. All methods give effects in their order."""

    def __init__(self, pairs: Pairs, profile: Profile) -> None:
        self._pairs = pairs
        self._profile = profile
        self._held: dict[FeedKey, Pair] = {}
        self._postponed: dict[FeedKey, None] = {}

    def __len__(self) -> int:
        return len(self._held)

    def begin(self, wish: Wish, reqid: int | None, request: Request, *, postponed: bool = False) -> list[Effect]:
        """Subscribes to every pair of the request: all replies, then all snapshots. Where what is known may be old,
        nothing of it is shown: what was subscribed to is `postponed` until `begin_postponed`.
        """
        replies: list[Effect] = []
        snapshots: list[Effect] = []
        errors = Errors(request)
        everything = wish.channel == spec.ALL_CHANNELS
        for spelled in spelled_pairs(wish.pairs):
            try:
                pair = self._open_pair(spelled)
            except Refused as refused:
                replies.append(errors.reply(refused.text, spelled))
                continue
            for channel in spec.CHANNELS if everything else (wish.channel,):
                key = FeedKey(channel, pair.id, wish.parameter or default_parameter(channel))
                if key in self._held:
                    replies.append(errors.reply(spec.ALREADY_SUBSCRIBED, spelled, key if everything else None))
                    continue
                self._held[key] = pair
                replies.append(Send(self._status(key, reqid, "subscribed")))
                if postponed:
                    self._postponed[key] = None
                else:
                    replies.append(Join(key))
                    snapshots.append(Snapshot(key))
        return replies + snapshots

    def begin_postponed(self) -> list[Effect]:
        """What was subscribed to while it could not begin begins now."""
        keys = [key for key in self._postponed if key in self._held]
        self._postponed.clear()
        return [*map(Join, keys), *map(Snapshot, keys)]

    def end(self, wish: Wish, reqid: int | None, request: Request) -> list[Effect]:
        """Unsubscribes from every pair of the request."""
        effects: list[Effect] = []
        errors = Errors(request)
        for spelled in spelled_pairs(wish.pairs):
            try:
                for key in self._meant(self._pair(spelled), wish):
                    effects += self._drop(key, reqid)
            except Refused as refused:
                effects.append(errors.reply(refused.text, spelled))
        return effects

    def end_number(self, number: object, reqid: int | None) -> list[Effect]:
        """Ends what has this channel number: one channel, or a pair's books of all depths (sheet 3.2, recommended).

        These replies are without channelName, as was observed.
        """
        numbered = numbered_channel(self._profile, number) if type(number) is int else None
        pair = self._pairs.by_index(numbered.pair_index) if numbered else None
        if numbered is None or pair is None:
            raise Refused(spec.NOT_SUBSCRIBED)
        parameters = spec.DEPTHS if numbered.channel == spec.BOOK else (numbered.interval,)
        keys = [FeedKey(numbered.channel, pair.id, parameter) for parameter in parameters]
        effects = [effect for key in keys if key in self._held for effect in self._drop(key, reqid, named=False)]
        if not effects:
            raise Refused(spec.NOT_SUBSCRIBED)
        return effects

    def end_instrument(self, instrument: int) -> list[Effect]:
        """Ends everything of an instrument, unasked."""
        keys = [key for key in self._held if key.instrument == instrument]
        return [effect for key in keys for effect in self._drop(key, None)]

    def end_halted(self) -> list[Effect]:
        """Ends everything of pairs that are halted, unasked."""
        halted = {
            key.instrument: None for key, pair in self._held.items() if pair.state.status is InstrumentStatus.HALTED
        }
        return [effect for instrument in halted for effect in self.end_instrument(instrument)]

    def _meant(self, pair: Pair, wish: Wish) -> list[FeedKey]:
        """What an unsubscribe means: exactly what it names; `*` is everything of the pair; without depth or interval
        the default one, or else the only one that there is."""
        everything = wish.channel == spec.ALL_CHANNELS
        named = FeedKey(wish.channel, pair.id, wish.parameter or default_parameter(wish.channel))
        if wish.parameter or named in self._held:
            candidates = [named]
        else:
            channels = spec.CHANNELS if everything else (wish.channel,)
            candidates = [FeedKey(name, pair.id, n) for name in channels for n in spec.PARAMETERS.get(name, (0,))]
        keys = [key for key in candidates if key in self._held]
        if not keys or (len(keys) > 1 and not everything):
            raise Refused(spec.NOT_SUBSCRIBED)
        return keys

    def _drop(self, key: FeedKey, reqid: int | None, *, named: bool = True) -> list[Effect]:
        reply = self._status(key, reqid, "unsubscribed", named=named)
        del self._held[key]
        return [Leave(key), Send(reply)]

    def _status(self, key: FeedKey, reqid: int | None, status: str, *, named: bool = True) -> str:
        pair = self._held[key]
        number = channel_id(self._profile, pair.index, key.channel, key.parameter)
        return wire.subscription_status(number, key.channel, key.parameter, pair.name, reqid, status, named=named)

    def _open_pair(self, spelled: str) -> Pair:
        pair = self._pair(spelled)
        if pair.state.status is InstrumentStatus.HALTED:
            raise self._refused(spec.PAIR_UNSUPPORTED, spelled)
        return pair

    def _pair(self, spelled: str) -> Pair:
        if not is_pair_name(spelled):
            raise self._refused(spec.PAIR_FORMAT, spelled)
        pair = self._pairs.find(spelled)
        if pair is None:
            raise self._refused(spec.PAIR_UNSUPPORTED, spelled)
        return pair

    def _refused(self, text: str, spelled: str) -> Refused:
        return Refused(f"{text} {spelled}" if self._profile.names_pair else text)


def default_parameter(channel: str) -> int:
    """Depth or interval where the client gives none; 0 for a channel without."""
    return spec.PARAMETERS.get(channel, (0,))[0]
