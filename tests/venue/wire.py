"""A stamped command as it is after a way through bytes."""

import msgspec

from polyfeed.model.commands import Stamped

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Stamped)


def journalled(stamped: Stamped) -> Stamped:
    """Encoded and decoded."""
    return _decoder.decode(_encoder.encode(stamped))
