"""Kraken's public WebSocket API, document version 0.2.0, with the later 1.x as a profile; see README.md."""

from polyfeed.dialects.kraken.dialect import KrakenDialect
from polyfeed.dialects.kraken.settings import KrakenSettings

__all__ = ["KrakenDialect", "KrakenSettings"]
