"""The configuration as it may be shown. Which keys are secrets their types say (dialects/_base/secrets.py)."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, inspect

from polyfeed.app.config import Config
from polyfeed.dialects._base.secrets import MASK, SECRET, WHOLE, masked_url


def masked(config: Config) -> dict[str, dict[str, Any]]:
    """The configuration's sections and keys, with a mask in place of every secret that is set."""
    sections: dict[str, dict[str, Any]] = msgspec.to_builtins(config)
    for name, values in sections.items():
        for key, mark in secret_keys(type(getattr(config, name))).items():
            if values[key]:
                values[key] = MASK if mark == WHOLE else masked_url(values[key])
    return sections


def secret_keys(section: type[Struct]) -> dict[str, str]:
    """The keys of a section that are secrets, and how: WHOLE or IN_URL."""
    kind = inspect.type_info(section)
    if not isinstance(kind, inspect.StructType):
        raise TypeError(f"{section} is no section")
    marks = {field.name: _mark(field.type) for field in kind.fields}
    return {name: mark for name, mark in marks.items() if mark}


def _mark(kind: inspect.Type) -> str:
    extra = kind.extra if isinstance(kind, inspect.Metadata) else None
    return str((extra or {}).get(SECRET, ""))
