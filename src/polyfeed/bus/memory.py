"""A bus within one process: every reader hears every batch, in order, before `publish` returns."""

from __future__ import annotations

from collections.abc import Callable

from polyfeed.model.batches import Batch, Outcome, decode_batch, encode_batch
from polyfeed.model.commands import Origin

Listener = Callable[[Batch], None]
RefusalListener = Callable[[Origin, Outcome], None]
WordListener = Callable[[bytes], None]


class MemoryBus:
    """Hands batches to listeners as they are; with `encode`, through bytes, as a bus between machines would."""

    def __init__(self, *, encode: bool = False) -> None:
        self._encode = encode
        self._listeners: list[Listener] = []
        self._refusal_listeners: list[RefusalListener] = []
        self._word_listeners: list[WordListener] = []

    def publish(self, batch: Batch) -> None:
        """Hands the batch to every listener. One that raises is a fault of ours, and nothing hides it."""
        if self._encode:
            data = encode_batch(batch)
            for listener in tuple(self._listeners):
                listener(decode_batch(data))
        else:
            for listener in tuple(self._listeners):
                listener(batch)

    def refuse(self, origin: Origin, outcome: Outcome) -> None:
        """Tells whoever sent a command that it never came to the venue: there is no batch of it."""
        for listener in tuple(self._refusal_listeners):
            listener(origin, outcome)

    def tell(self, word: bytes, sender: WordListener | None = None) -> None:
        """Hands what gateways say to each other, and nothing depends on, to every listener but the sender's own."""
        for listener in tuple(self._word_listeners):
            if listener != sender:
                listener(word)

    def subscribe_words(self, listener: WordListener) -> Callable[[], None]:
        """Adds a listener for what other gateways say; returns what removes it."""
        self._word_listeners.append(listener)
        return lambda: self._word_listeners.remove(listener)

    def subscribe_refusals(self, listener: RefusalListener) -> Callable[[], None]:
        """Adds a listener for commands that never came to the venue; returns what removes it."""
        self._refusal_listeners.append(listener)
        return lambda: self._refusal_listeners.remove(listener)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Adds a listener for all batches from the next one on; returns what removes it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
