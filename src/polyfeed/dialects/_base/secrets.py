"""What must not be shown: marks for keys of the configuration, and URLs without their secrets."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

SECRET = "secret"
"""The mark's name in a type's `extra`."""

WHOLE, IN_URL = "whole", "url"

Secret = Annotated[str, Meta(extra={SECRET: WHOLE})]
"""A text that is a secret."""

SecretUrl = Annotated[str, Meta(extra={SECRET: IN_URL})]
"""A URL that may have a password or a token in it."""

MASK = "***"


def masked_url(text: str) -> str:
    """A URL with masks for the password and the query, in which tokens are, and for a user without a password, which
    may be a token as well; what is no URL and has no password is itself.
    """
    if "@" not in text and "://" not in text:
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return MASK
    if not parts.scheme or not parts.netloc or "@" in parts.path:
        return MASK
    user, at, place = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    netloc = f"{name if colon else ''}{colon}{at and MASK}{at}{place}"
    return parts._replace(netloc=netloc, query=parts.query and MASK, fragment="").geturl()


def check_url(url: str) -> None:
    """Raises ValueError, without a word of it, for a URL whose password ends too early to be one."""
    try:
        parts = urlsplit(url)
        whole = "@" not in parts.path and (parts.port or True)
    except ValueError:
        whole = False
    if not whole:
        raise ValueError("the URL cannot be read: in a user or password, / is written %2F, @ %40 and : %3A")
