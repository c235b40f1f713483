"""Formulas that more than one package needs. Everything rounds down, for a reason given beside it."""

from __future__ import annotations

from polyfeed.model.instruments import Instrument

PPM = 1_000_000


def cost_divisor(instrument: Instrument, quote_scale: int) -> int:
    """What `price * size` is divided by to become units of the quote currency.

    The divisor is a power of ten; a negative power (a quote currency finer than price times size) is refused when the
    instrument is listed, so one integer division is all that a fill costs.
    """
    exponent = instrument.price_scale + instrument.size_scale - quote_scale
    if exponent < 0:
        raise ValueError(
            f"{instrument.name}: quote currency {instrument.quote} has {quote_scale} decimals, more than price "
            f"and size have together ({instrument.price_scale} + {instrument.size_scale}); give the currency fewer"
        )
    return int(10**exponent)


def cost(price: int, size: int, divisor: int) -> int:
    """What `size` at `price` costs, in units of the quote currency.

    Rounded down: the sum of the costs of an order's fills can then never exceed the cost of the whole order, so what
    was held for it always suffices.
    """
    return price * size // divisor


def fee(amount: int, rate_ppm: int) -> int:
    """The fee on `amount` at `rate_ppm` parts per million; a negative rate is a rebate.

    Towards zero, for the same reason as `cost`, and so that a rebate is never more than was agreed.
    """
    return amount * rate_ppm // PPM if rate_ppm >= 0 else -(amount * -rate_ppm // PPM)
