"""Decides: a command goes in, the batch of what it did comes out. Nothing here knows a socket, a clock or a dialect."""

from polyfeed.venue.venue import Venue

__all__ = ["Venue"]
