"""The environment variables of Ranger and Rango, for whoever puts this server in their place (sheet 5)."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from urllib.parse import quote

from polyfeed.app.config import ENVIRONMENT_PREFIX

_NAMES = {
    "RANGER_HOST": "SERVER__HOST",
    "RANGER_PORT": "PEATIO__PORT",
    "METRICS_HOST": "HTTP__HOST",
    "METRICS_PORT": "HTTP__PORT",
    "JWT_PUBLIC_KEY": "PEATIO__JWT_PUBLIC_KEY",
    "JWT_ALGORITHM": "PEATIO__JWT_ALGORITHM",
    "JWT_ISSUER": "PEATIO__JWT_ISSUER",
    "JWT_AUDIENCE": "PEATIO__JWT_AUDIENCE",
    "JWT_DEFAULT_LEEWAY": "PEATIO__JWT_LEEWAY",
    "JWT_EXPIRATION_LEEWAY": "PEATIO__JWT_EXPIRATION_LEEWAY",
    "JWT_NOT_BEFORE_LEEWAY": "PEATIO__JWT_NOT_BEFORE_LEEWAY",
    "JWT_ISSUED_AT_LEEWAY": "PEATIO__JWT_ISSUED_AT_LEEWAY",
    "API_CORS_ORIGINS": "PEATIO__ORIGINS",
}
_LEVELS = {"trace": "debug", "warn": "warning"} | dict.fromkeys(("fatal", "panic", "disabled", "unknown"), "error")
"""Levels of zerolog and of Ruby's Logger that have another name here, or none."""

_ROLES = "RANGO_RBAC_"


def translated(environment: Mapping[str, str]) -> dict[str, str]:
    """The originals' variables under the names that the configuration has for them."""
    found = {new: environment[old] for old, new in _NAMES.items() if environment.get(old)}
    if level := environment.get("LOG_LEVEL", "").lower():
        found["LOG__LEVEL"] = _LEVELS.get(level, level)
    roles = [
        f"{name.removeprefix(_ROLES).lower()}={value}"
        for name, value in sorted(environment.items())
        if name.startswith(_ROLES)
    ]
    if roles:
        found["PEATIO__RBAC"] = ";".join(roles)
    return {ENVIRONMENT_PREFIX + name: value for name, value in found.items()}


def broker_url(environment: Mapping[str, str]) -> str:
    """The broker that RABBITMQ_HOST, _PORT, _USER and _PASSWORD name, with their defaults."""
    given = {name: environment.get(f"RABBITMQ_{name}", "") for name in ("HOST", "PORT", "USER", "PASSWORD")}
    user, password = (quote(given[name] or "guest", safe="") for name in ("USER", "PASSWORD"))
    return f"amqp://{user}:{password}@{given['HOST'] or 'localhost'}:{given['PORT'] or '5672'}/"


def with_brokers(
    environment: Mapping[str, str], options: Namespace, settings: list[str]
) -> tuple[Mapping[str, str], list[str]]:
    """Environment and settings where `--relay` or `--publish` was given: then the originals' variables count too.

    They give way to the configuration's own.
    """
    given = {name: url for name in ("relay", "publish") if (url := getattr(options, name, None)) is not None}
    if not given:
        return environment, settings
    urls = [f"{name}.url={url or broker_url(environment)}" for name, url in given.items()]
    return {**translated(environment), **environment}, [*settings, *urls]
