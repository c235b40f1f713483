"""The key that tokens on the Peatio port are checked with: from a file, or the demo's own, in demo mode only."""

from __future__ import annotations

from base64 import b64encode
from importlib.resources import files
from pathlib import Path

import msgspec

from polyfeed.app.config import Config, ConfigError

RANGO_FILES = "config/rsa-key.pub", "config/ed25519-key.pub"
"""Where Rango looks, before and since 3.1.2, when JWT_PUBLIC_KEY is not set: below its working directory."""


def demo_private_key() -> bytes:
    """What `dialects.peatio.auth.mint` signs with, as PEM."""
    return (files("polyfeed") / "data" / "peatio" / "demo-key.pem").read_bytes()


def with_peatio(config: Config) -> Config:
    """The configuration as the Peatio port needs it: a relay's streams are the upstream's, the key is read from its
    file, and the demo has one of its own.

    Raises ConfigError for a relay beside the demo, and for a file that holds no key.
    """
    if not config.relay.url:
        return _with_demo_key(_with_key_file(config, config.peatio.jwt_key_file))
    if config.flow.demo:
        raise ConfigError("a relay brings markets of its own: use either --relay or --demo")
    config = _with(config, relay=True)
    found = next((name for name in RANGO_FILES if Path(name).is_file()), "")
    return _with_key_file(config, config.peatio.jwt_key_file or found)


def _with_key_file(config: Config, name: str) -> Config:
    """The configuration with the public key of a file, unless it has one already."""
    if not name or _has_key(config):
        return config
    try:
        return _with(config, jwt_public_key=Path(name).expanduser().read_text("ascii"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"the key file {name}: {error}") from error


def _with_demo_key(config: Config) -> Config:
    if not config.flow.demo or _has_key(config):
        return config
    public = (files("polyfeed") / "data" / "peatio" / "demo-key.pub").read_text("ascii")
    return _with(config, jwt_public_key=public, jwt_private_key=b64encode(demo_private_key()).decode())


def _has_key(config: Config) -> bool:
    return bool(config.peatio.jwt_public_key or config.peatio.jwt_secret or config.peatio.jwks_url)


def _with(config: Config, **settings: object) -> Config:
    return msgspec.structs.replace(config, peatio=msgspec.structs.replace(config.peatio, **settings))
