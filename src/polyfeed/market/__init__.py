"""Remembers what was decided: books, trades, candles, statistics, and a perpetual's prices, for whoever must show them.

`market.Market` folds batches; `changes` says what it yields while it does. Pure: time comes with the batches.
"""
