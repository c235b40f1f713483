"""Everything that follows from a journal, made from its records: the venue, the market, the accounts, the projections.

The projections of all dialects are folded, of those too that the configuration turns off: they can be turned on later.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec
from msgspec import Struct

from polyfeed.accounts.accounts import Accounts
from polyfeed.accounts.vault import MASTER_BYTES, Vault
from polyfeed.app.config import Config
from polyfeed.app.gateway_role import Memory
from polyfeed.app.peatio_keys import with_peatio
from polyfeed.dialects._base.context import Context
from polyfeed.dialects._base.projection import Fold
from polyfeed.dialects.registry import DIALECTS, make_dialects
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.commands import Record
from polyfeed.sequencer.history import History
from polyfeed.store.format import Mark
from polyfeed.venue.venue import Venue

IMAGE_FORM = 1
"""Counts up whenever the form changes: an image of another form is refused, not misread."""


class Image(Struct, frozen=True, array_like=True):
    """A replica as a value. Its parts are their own images; all dicts are in their keys' order."""

    form: int
    mark: Mark
    numbers: dict[int, int]
    venue: bytes
    market: bytes
    accounts: bytes
    projections: dict[str, bytes]


class Replica:
    """Follows a history from its beginning, or goes on from an image of it."""

    def __init__(self, config: Config, image: Image | None = None) -> None:
        if image is None:
            venue, self.market, self.accounts = Venue(), Market(), Accounts()
        else:
            venue, self.market = Venue.restore(image.venue), Market.restore(image.market)
            self.accounts = Accounts.restore(image.accounts)
        self.history = History(venue, image.mark if image else None, hashed=True)
        settings = with_peatio(config)
        context = Context(self.market, self.accounts, Vault(bytes(MASTER_BYTES)))
        dialects = make_dialects(context, {name: getattr(settings, name) for name in DIALECTS})
        self.projections = {one.name: one.projection for one in dialects if one.projection is not None}
        self._folds: dict[type, list[Fold]] = {}
        for projection in self.projections.values():
            for kind, fold in projection.folds.items():
                self._folds.setdefault(kind, []).append(fold)
        self._settling = tuple(self.projections.values())
        if image is not None:
            self.history.numbers |= image.numbers
            for name, data in image.projections.items():
                self.projections[name].restore(data)

    def take(self, record: Record) -> list[Batch]:
        """Carries out the next record; what it came to."""
        batches = list(self.history.carry_out(record))
        for batch in batches:
            self._fold(batch)
        return batches

    def image(self) -> Image:
        """All of it as a value."""
        return Image(
            IMAGE_FORM,
            self.history.mark(),
            dict(sorted(self.history.numbers.items())),
            self.history.venue.snapshot(),
            self.market.snapshot(),
            self.accounts.snapshot(),
            {name: one.snapshot() for name, one in sorted(self.projections.items())},
        )

    def state_hash(self) -> str:
        """The BLAKE2b-128 of the image, in hexadecimal: equal for equal states, however they came to be."""
        return blake2b(encode_image(self.image()), digest_size=16).hexdigest()

    def memory(self, gateway: int) -> Memory:
        """What a gateway of this number starts from; market and accounts are handed over."""
        projections = {name: one.snapshot() for name, one in self.projections.items()}
        return Memory(self.market, self.accounts, projections, self.history.numbers.get(gateway, 0))

    def _fold(self, batch: Batch) -> None:
        folds = self._folds
        for change in self.market.apply(batch):
            for fold in folds.get(type(change), ()):
                fold(batch, change)
        for own in self.accounts.apply(batch):
            for fold in folds.get(type(own.event), ()):
                fold(batch, own)
        for projection in self._settling:
            projection.settle(batch)


def encode_image(image: Image) -> bytes:
    """The image as bytes, the same for equal ones."""
    return msgspec.msgpack.encode(image)


def decode_image(data: bytes) -> Image:
    """Reads what `encode_image` wrote. Raises ValueError (msgspec's are) on anything else."""
    image = msgspec.msgpack.decode(data, type=Image)
    if image.form != IMAGE_FORM:
        raise ValueError(f"the image has form {image.form}, this version reads {IMAGE_FORM}")
    return image
