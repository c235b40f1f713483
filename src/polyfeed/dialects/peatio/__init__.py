"""Peatio's WebSocket API (Ranger, Rango), the page of Peatio 2.2 with earlier and later eras as profiles; see
README.md.
"""

from polyfeed.dialects.peatio.dialect import PeatioDialect
from polyfeed.dialects.peatio.settings import PeatioSettings

__all__ = ["PeatioDialect", "PeatioSettings"]
