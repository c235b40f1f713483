"""Identifiers: reversible functions of the venue's integers, and no state.

An order id is a UUID of version 7 (RFC 9562): the order's millisecond, then the counter that the venue's number ends
with. An execution has a UUID of version 8 with what it is made of. An account is a 32-byte address as Aptos has them:
the account's number; a market's address has a leading one besides, so the two are never the same.
"""

from __future__ import annotations

from polyfeed.model.ids import COUNTER_BITS, ORDER_EPOCH_MS

_COUNTER = (1 << COUNTER_BITS) - 1
_LOW_BITS = 62
_LOW = (1 << _LOW_BITS) - 1
_VARIANT = 0b10 << _LOW_BITS
_ORDER = 1
_TRADE, _FUNDING = 1, 2
_UUID_DIGITS = 32
_MARKET = 1 << 252
_ADDRESS_BITS = 256
_ACCOUNT_BITS = 40


def order_uuid(order_id: int) -> str:
    """The venue's order number as a UUID."""
    return _uuid((order_id >> COUNTER_BITS) + ORDER_EPOCH_MS, 7, order_id & _COUNTER, _ORDER)


def order_number(text: str) -> int | None:
    """The inverse of `order_uuid`; None for any other text."""
    digits = text.lower().replace("-", "")
    if len(digits) != _UUID_DIGITS or not all(digit in "0123456789abcdef" for digit in digits):
        return None
    ms, counter = int(digits[:12], 16), int(digits[13:16], 16)
    number = ((ms - ORDER_EPOCH_MS) << COUNTER_BITS) | counter
    return number if number > 0 and order_uuid(number) == text.lower() else None


def trade_uuid(trade_id: int, *, maker: bool) -> str:
    """One side's execution of a trade."""
    return _uuid(trade_id >> 8, 8, _TRADE << 8 | trade_id & 0xFF, int(maker))


def funding_uuid(ts: int, instrument: int, account: int) -> str:
    """A funding payment: when (microseconds), in which market, whose."""
    return _uuid(ts >> 8, 8, _FUNDING << 8 | ts & 0xFF, instrument << _ACCOUNT_BITS | account)


def execution_parts(text: str) -> tuple[str, int, int]:
    """What an execution's UUID is made of: ("trade", trade id, 1 for the maker's) or ("funding", ts, instrument << 40 |
    account). Raises ValueError for other text.
    """
    digits = text.replace("-", "")
    high, kind, low = int(digits[:12], 16), int(digits[13:16], 16), int(digits[16:], 16) & _LOW
    names = {_TRADE: "trade", _FUNDING: "funding"}
    if digits[12] != "8" or kind >> 8 not in names:
        raise ValueError(f"{text!r} is not the id of an execution")
    return names[kind >> 8], high << 8 | kind & 0xFF, low


def funding_parts(low: int) -> tuple[int, int]:
    """The instrument and the account that the last part of a funding payment's UUID is made of."""
    return low >> _ACCOUNT_BITS, low & (1 << _ACCOUNT_BITS) - 1


def account_address(account: int) -> str:
    """The address of an account."""
    return f"0x{account:064x}"


def account_number(address: str) -> int | None:
    """The inverse of `account_address`, leading zeros optional as in Aptos; None for other text."""
    digits = address.lower().removeprefix("0x")
    if not address.lower().startswith("0x") or not 0 < len(digits) <= _ADDRESS_BITS // 4:
        return None
    return int(digits, 16) if all(digit in "0123456789abcdef" for digit in digits) else None


def market_address(instrument: int) -> str:
    """The address of a market."""
    return f"0x{_MARKET | instrument:064x}"


def _uuid(high: int, version: int, middle: int, low: int) -> str:
    """48 bits, the version, 12 bits, the variant, 62 bits."""
    digits = f"{high:012x}{version:x}{middle:03x}{_VARIANT | low:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
