"""The version of the venue's decisions."""

ENGINE = 1
"""Counts up whenever the same commands come to other batches than before. A journal names the engine that it was
written by; another one does not replay it, for its state would not be the one that clients were told of."""
