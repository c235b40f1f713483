"""Rails' identifiers as reversible functions of the venue's integers.

An order's ULID has the order id's millisecond as its time and its counter on top of its random part, so ULIDs sort as
order ids do. A UUID (version 4 in form) holds its integer multiplied by an odd constant. What is left of either is a
checksum: an identifier that we never gave reads as None.

    ULID   48 bits millisecond | 12 counter | 68 checksum
    UUID   48 bits number | 4 version | 12 number | 2 variant | 4 number | 58 checksum
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b

from polyfeed.model.ids import COUNTER_BITS, ORDER_EPOCH_MS, order_id_ms

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_DIGITS = {letter: value for value, letter in enumerate(_ALPHABET)}
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")

_CHECK_BITS = 68
_COUNTER = (1 << COUNTER_BITS) - 1

_MASK = (1 << 64) - 1
_SPREAD = 0x9E3779B97F4A7C15
_UNSPREAD = pow(_SPREAD, -1, 1 << 64)

USER, MATCH, MAKER_MATCH = b"user", b"match", b"maker"
"""What a UUID stands for: the same number gives another UUID for each."""


def _checksum(purpose: bytes, number: int, bits: int) -> int:
    digest = blake2b(number.to_bytes(8, "big"), digest_size=9, person=purpose).digest()
    return int.from_bytes(digest, "big") >> (72 - bits)


@lru_cache(4096)
def order_ulid(order_id: int) -> str:
    """The 26 characters of an order id."""
    value = order_id_ms(order_id) << 80 | (order_id & _COUNTER) << _CHECK_BITS
    value |= _checksum(b"order", order_id, _CHECK_BITS)
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))


def order_id_of(ulid: object) -> int | None:
    """The order id of a ULID in either case; None for what is none of ours."""
    if not isinstance(ulid, str) or _ULID.fullmatch(ulid.upper()) is None:
        return None
    value = 0
    for letter in ulid.upper():
        value = value << 5 | _DIGITS[letter]
    order_id = ((value >> 80) - ORDER_EPOCH_MS) << COUNTER_BITS | (value >> _CHECK_BITS & _COUNTER)
    if not 0 <= order_id < 1 << 63 or _checksum(b"order", order_id, _CHECK_BITS) != value & (1 << _CHECK_BITS) - 1:
        return None
    return order_id


def uuid_of(purpose: bytes, number: int) -> str:
    """The UUID of a number below 2^64."""
    spread = number * _SPREAD & _MASK
    value = (spread >> 16) << 80 | 4 << 76 | (spread >> 4 & 0xFFF) << 64 | 2 << 62 | (spread & 15) << 58
    text = f"{value | _checksum(purpose, number, 58):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def number_of(purpose: bytes, uuid: str) -> int | None:
    """The number of a UUID that `uuid_of` made; None for any other text."""
    if not is_uuid(uuid):
        return None
    value = int(uuid.replace("-", ""), 16)
    spread = (value >> 80) << 16 | (value >> 64 & 0xFFF) << 4 | value >> 58 & 15
    number = spread * _UNSPREAD & _MASK
    return number if uuid_of(purpose, number) == uuid.lower() else None


def is_uuid(text: object) -> bool:
    """Whether the text has the form of a UUID of any version."""
    return isinstance(text, str) and _UUID.fullmatch(text) is not None
