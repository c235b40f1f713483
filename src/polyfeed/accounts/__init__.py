"""Remembers what is each user's: open orders, fills, balances, positions, and the keys that prove who a user is.

`accounts.Accounts` folds the private parts of batches. Pure: time comes with the batches.
"""
