"""The token of the operator's port: where it comes from, and when there must be one."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from polyfeed.app.config import ConfigError, HttpSection

LEAST_CHARACTERS = 16


def operator_token(section: HttpSection) -> str:
    """The token of the configuration, empty for none. Raises ConfigError where the port would stand open."""
    if section.token and section.token_file:
        raise ConfigError("http.token and http.token_file are two tokens: set one of them")
    token = read(Path(section.token_file).expanduser()) if section.token_file else section.token
    if token and (len(token) < LEAST_CHARACTERS or not token.isascii() or not token.isprintable() or " " in token):
        raise ConfigError(f"the operator's token must have at least {LEAST_CHARACTERS} printable ASCII characters")
    if not token and not is_loopback(section.host):
        raise ConfigError(
            f"http.host = {section.host!r} opens the operator's port to others: set http.token or http.token_file"
        )
    return token


def read(path: Path) -> str:
    """The first line of a file. Raises ConfigError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read http.token_file {path}: {error}") from error
    if not lines or not lines[0].strip():
        raise ConfigError(f"http.token_file {path} is empty")
    return lines[0].strip()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host; a name other than localhost may be anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
