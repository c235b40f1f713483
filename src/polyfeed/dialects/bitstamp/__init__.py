"""Bitstamp's WebSocket API v2 and the REST calls beside it; see README.md."""

from polyfeed.dialects.bitstamp.dialect import BitstampDialect
from polyfeed.dialects.bitstamp.settings import BitstampSettings

__all__ = ["BitstampDialect", "BitstampSettings"]
