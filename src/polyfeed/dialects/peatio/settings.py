"""What an operator can set for the Peatio port."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from polyfeed.dialects._base.origins import allowed_hosts
from polyfeed.dialects._base.secrets import Secret, SecretUrl
from polyfeed.dialects.peatio.keys import read_key
from polyfeed.dialects.peatio.rbac import read_roles

Seconds = Annotated[int, Meta(ge=0)]


class PeatioSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the dialect (spec/peatio.md 9 for the profiles). Empty is what the profile says.

    `jwt_public_key` is the base64 (url-safe or standard) of a PEM public key, RSA or Ed25519; `jwt_secret` a secret of
    HS256 in its place. `jwt_private_key`, base64 of the PEM of the private half, is only needed where polyfeed itself
    is to make tokens, as in the demo. `jwks_url` is where a JSON Web Key Set is fetched from, in place of either; it
    must be https, or on this machine. `jwt_algorithm` replaces the profile's own for RSA. `jwt_issuer` and
    `jwt_audience` (a list with commas) are checked where they are set; `jwt_leeway` is in seconds, for all times of a
    token that have none of their own. `jwt_key_file` names a file with the public key, for whoever has no
    `jwt_public_key`. `jwt_message` lets clients authenticate by message, `auth_replies` chooses its answers; `requests`
    takes subscribe, unsubscribe and ping in profile legacy too.
    `on_expiry` says what becomes of a connection whose token expires. `origins` is what API_CORS_ORIGINS was; `rbac`
    has what RANGO_RBAC_… had, as `prefix=role,role;prefix=role`. With `relay` every stream comes from upstream.
    """

    profile: Literal["2.2", "3.x", "legacy"] = "2.2"
    jwt_public_key: str = ""
    jwt_secret: Secret = ""
    jwt_private_key: Secret = ""
    jwks_url: SecretUrl = ""
    jwt_algorithm: Literal["", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] = ""
    jwt_issuer: str = ""
    jwt_audience: str = ""
    jwt_key_file: str = ""
    jwt_leeway: Seconds = 0
    jwt_expiration_leeway: Seconds | Literal[""] = ""
    jwt_not_before_leeway: Seconds | Literal[""] = ""
    jwt_issued_at_leeway: Seconds | Literal[""] = ""
    jwt_message: bool | Literal[""] = ""
    auth_replies: Literal["", "seed", "wire"] = ""
    requests: bool | Literal[""] = ""
    on_expiry: Literal["keep", "close"] = "keep"
    origins: str = ""
    rbac: str = ""
    relay: bool = False

    def __post_init__(self) -> None:
        read_key(self.jwt_public_key, self.jwt_secret)
        if self.jwks_url:
            check_url(self.jwks_url, alone=not (self.jwt_public_key or self.jwt_secret))
        allowed_hosts(self.origins)
        read_roles(self.rbac)


def check_url(url: str, *, alone: bool) -> None:
    """Raises ValueError for a place from which keys cannot be trusted, or that is not the only source of them."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"}):
        raise ValueError("jwks_url must be an https URL: who can change what it says can be anybody")
    if not alone:
        raise ValueError("jwks_url cannot be set beside jwt_public_key or jwt_secret")
