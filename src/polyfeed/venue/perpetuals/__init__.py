"""Perpetuals: what makes their fills, margins, funding and liquidations differ from a spot market's.

* `contracts`: what a market of a perpetual knows: index, mark, funding to come, who holds positions.
* `positions`: one account's position in one, and what a fill does to it.
* `margin`: what positions and orders of an account need, and what is there for it.
* `settling`: fills, in the book and outside it.
* `prices`, `funding`, `revaluing`: what a new index price, an hour and a new mark price do.
* `liquidation`, `deleveraging`, `socialising`: what becomes of positions whose margin is gone.
* `leverage`: what an account chooses.

Every formula is in `polyfeed.model.margin`.
"""
