"""Rails (rails.xyz): one authenticated WebSocket for markets, orders and fills, as of its "WebSocket v2" overview."""

from polyfeed.dialects.rails.dialect import RailsDialect
from polyfeed.dialects.rails.settings import RailsSettings

__all__ = ["RailsDialect", "RailsSettings"]
