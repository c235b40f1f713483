"""Ekiden's WebSocket and REST API, revision of January 2026; see README.md."""

from polyfeed.dialects.ekiden.dialect import EkidenDialect
from polyfeed.dialects.ekiden.settings import EkidenSettings

__all__ = ["EkidenDialect", "EkidenSettings"]
