"""The key that signs the tokens of the demo's users on the Peatio port; it counts in demo mode only."""

from __future__ import annotations

from base64 import b64encode
from importlib.resources import files

import msgspec

from polyfeed.app.config import Config, ConfigError


def demo_private_key() -> bytes:
    """What `dialects.peatio.auth.mint` signs with, as PEM."""
    return (files("polyfeed") / "data" / "peatio" / "demo-key.pem").read_bytes()


def with_peatio(config: Config) -> Config:
    """The configuration as the Peatio port needs it: a relay's streams are the upstream's, and the demo has a key.

    Raises ConfigError for a relay beside the demo.
    """
    peatio = config.peatio
    if config.relay.url:
        if config.flow.demo:
            raise ConfigError("a relay brings markets of its own: use either --relay or --demo")
        return msgspec.structs.replace(config, peatio=msgspec.structs.replace(peatio, relay=True))
    if not config.flow.demo or peatio.jwt_public_key or peatio.jwt_secret:
        return config
    public = (files("polyfeed") / "data" / "peatio" / "demo-key.pub").read_text("ascii")
    private = b64encode(demo_private_key()).decode()
    signing = msgspec.structs.replace(peatio, jwt_public_key=public, jwt_private_key=private)
    return msgspec.structs.replace(config, peatio=signing)
