"""The bounds that keep every number the venue says within the 64 bits of its encoding.

A price, a size and a level's total stay below MAX_NUMBER. One fill moves at most MAX_AMOUNT of either currency and as
much again in fees, and an account with a balance beyond MAX_TOTAL trades no more, so no balance ever passes 2^62.
"""

from __future__ import annotations

from polyfeed.model.ids import COUNTER_BITS, ORDER_EPOCH_MS

MAX_NUMBER = 2**62
MAX_AMOUNT = 2**60
MAX_TOTAL = 2**61

MAX_SCALE = 18
"""Decimals of a price, a size or a currency; one unit with more would not fit MAX_AMOUNT."""

MAX_FEE_PPM = 1_000_000
"""A seller's fee is taken from what the sale brought, so it may not be more than that."""

MAX_IMPORTED_ID = 2**52
"""Imported order ids lie below (their clock reads a time before September 2045). The venue's own ids are always higher
than any it has seen, and so as many again remain below 2^53."""

MAX_TS = ((2**53 >> COUNTER_BITS) + ORDER_EPOCH_MS) * 1000
"""Venue microseconds up to which order ids made from the time fit 53 bits (the year 2080)."""
