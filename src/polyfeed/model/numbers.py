"""Scaled integers and their decimal text.

Inside, every price, size and balance is an ``int`` and a number of decimals (its *scale*). Text is made and read only
at the edges, with the two functions below, so that no float ever touches a number that somebody is paid by.
"""

from __future__ import annotations

import re

_DECIMAL = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")


def parse_scaled(text: str, scale: int) -> int:
    """Reads plain decimal text ("58729.40000") as an integer with `scale` decimals.

    Raises ValueError when the text is no plain decimal number or needs more decimals than `scale`.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a plain decimal number")
    sign, whole, fraction = match[1], match[2], (match[3] or "").rstrip("0")
    if len(fraction) > scale:
        raise ValueError(f"{text!r} has more than {scale} decimals")
    value = int(whole + fraction.ljust(scale, "0"))
    return -value if sign else value


def format_scaled(value: int, scale: int) -> str:
    """Prints an integer with `scale` decimals as fixed decimal text: (5872940000, 5) -> "58729.40000"."""
    if scale == 0:
        return str(value)
    sign = "-" if value < 0 else ""
    digits = str(abs(value)).rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}"


def rescale(value: int, scale: int, wanted: int) -> int:
    """Brings an integer from `scale` to `wanted` decimals, towards zero where digits are lost."""
    if wanted >= scale:
        return int(value * 10 ** (wanted - scale))
    divisor = int(10 ** (scale - wanted))
    return value // divisor if value >= 0 else -(-value // divisor)


def divide_half_up(numerator: int, denominator: int) -> int:
    """Integer division of non-negative numbers, rounded to nearest with halves up."""
    return (2 * numerator + denominator) // (2 * denominator)
