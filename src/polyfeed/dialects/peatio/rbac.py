"""Which roles may hear prefixed streams (sheet 1, prefixes; Rango's RANGO_RBAC_<PREFIX>)."""

from __future__ import annotations

Roles = dict[str, frozenset[str]]


def read_roles(text: str) -> Roles:
    """The roles of each prefix from `prefix=role,role;prefix=role`. Raises ValueError."""
    roles: Roles = {}
    for entry in filter(None, map(str.strip, text.split(";"))):
        prefix, mark, names = entry.partition("=")
        if not mark or not prefix.strip():
            raise ValueError(f"rbac: {entry!r} is not prefix=role,role")
        roles[prefix.strip().lower()] = frozenset(filter(None, map(str.strip, names.split(","))))
    return roles
