"""Index and mark price.

The mark price is the index plus a moving premium: the average, over a window, of how far the middle of the book is
above the index, clamped to a small part of it. So it follows the market slowly and within bounds, whatever is done
to a thin book, and at once wherever the index goes. It is calculated when the index is told (a source does so about
once a second) and at no other time; a book without one of its sides has no premium to show.
"""

from __future__ import annotations

from polyfeed.model.batches import ACCEPTED, Outcome
from polyfeed.model.commands import SetIndexPrice
from polyfeed.model.enums import Refusal
from polyfeed.model.events import IndexPriceSet, MarkPriceSet
from polyfeed.model.formulas import PPM
from polyfeed.model.margin import mark_price, moved_average, portion
from polyfeed.venue.draft import Draft
from polyfeed.venue.limits import MAX_NUMBER, MAX_TOTAL
from polyfeed.venue.markets import Market
from polyfeed.venue.perpetuals import funding
from polyfeed.venue.perpetuals.contracts import FINE, Contract
from polyfeed.venue.perpetuals.revaluing import revalue_all
from polyfeed.venue.refused import Refused
from polyfeed.venue.state import State


def set_index_price(state: State, command: SetIndexPrice, draft: Draft) -> Outcome:
    """Takes in an index price; mark price, funding rate and positions follow."""
    market = state.market(command.instrument)
    contract, price = contract_of(market), command.price
    if not 0 < price < MAX_NUMBER or price * contract.open_interest > MAX_TOTAL * market.divisor // 2:
        raise Refused(
            Refusal.INVALID_PRICE,
            f"index price {market.price_text(price)} of {market.name} is not positive or too high for its positions",
        )
    mark, first = contract.mark, not contract.index
    follow(market, contract, price, draft.ts)
    if first:
        funding.schedule(state)
    draft.public.append(IndexPriceSet(market.id, price))
    if contract.mark != mark:
        draft.public.append(MarkPriceSet(market.id, contract.mark))
        revalue_all(state, contract)
    funding.tell_rate(market, contract, draft)
    return ACCEPTED


def contract_of(market: Market) -> Contract:
    """What makes a market a perpetual's. Raises Refused."""
    if market.contract is None:
        raise Refused(Refusal.INVALID_TERMS, f"{market.name} is no perpetual; name an instrument that is one")
    return market.contract


def follow(market: Market, contract: Contract, index: int, now: int) -> None:
    """Moves premium and mark price on to a new index price."""
    if contract.index:
        elapsed = now - contract.priced_ts
        contract.premium_sum += contract.premium_ppm * elapsed
        sample = (middle(market, index) - index) * FINE
        contract.premium = moved_average(contract.premium, sample, elapsed, contract.terms.premium_window_us)
    else:
        funding.begin(contract, now)
    contract.index, contract.priced_ts = index, now
    contract.mark = mark_price(index, portion(contract.premium, 1, FINE), contract.terms)
    contract.premium_ppm = portion((contract.mark - index) * PPM, 1, index)


def middle(market: Market, otherwise: int) -> int:
    """The middle between the best prices of a book, or something else while it has not got two sides."""
    if market.bids.levels and market.asks.levels:
        return (market.bids.head().price + market.asks.head().price) // 2
    return otherwise
