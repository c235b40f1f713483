"""What a handshake says: the streams in its query, and the token it brings (sheet 1, 2)."""

from __future__ import annotations

from polyfeed.dialects._base.dialect import Peer
from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.spec import Profile

_STREAM = "stream"
_AUTH_HEADER = "auth_header"


def query_streams(peer: Peer, profile: Profile) -> list[str]:
    """The streams that the URL names, in order, repeated ones too.

    Ruby decodes them and takes a list with commas for one name; Rango decodes nothing and splits at commas.
    """
    if not profile.raw_query:
        return peer.query.get(_STREAM, [])
    if "?" in peer.raw_query:
        return []
    pairs = (item.partition("=") for item in peer.raw_query.split("&"))
    return [name for key, _, value in pairs if key == _STREAM for name in value.split(",")]


def token_of(peer: Peer) -> str | None:
    """The token of the handshake, empty when it is of another kind than Bearer; None when there is none.

    A browser cannot set headers: tanX takes the token as `?auth_header=`, with or without `Bearer `.
    """
    header = peer.headers.get("authorization")
    if header is not None:
        return header.removeprefix(spec.BEARER) if header.startswith(spec.BEARER) else ""
    given = peer.query.get(_AUTH_HEADER)
    return given[0].removeprefix(spec.BEARER) if given else None
