"""Which web pages may connect, by the Origin header (RFC 6454)."""

from __future__ import annotations

from urllib.parse import urlsplit


def allowed_hosts(origins: str) -> frozenset[str]:
    """The hosts of a list of hosts and http(s) URLs, in lower case. Raises ValueError for a URL without a host."""
    hosts: set[str] = set()
    for item in filter(None, map(str.strip, origins.split(","))):
        if not item.lower().startswith(("http://", "https://")):
            hosts.add(item.lower())
            continue
        host = host_of(item)
        if not host:
            raise ValueError(f"origins: {item!r} is no URL of a page's origin")
        hosts.add(host)
    return frozenset(hosts)


def host_of(origin: str) -> str:
    """Host and port of an origin in lower case, empty when it has none."""
    try:
        parts = urlsplit(origin)
        _ = parts.port
    except ValueError:
        return ""
    return parts.netloc.rpartition("@")[2].lower()


def admits(hosts: frozenset[str], same_origin: bool, origin: str | None, host: str) -> bool:
    """Whether a handshake with this Origin header (None for none) may go on; `host` is its Host header.

    Without configured hosts the page must come from the same host where `same_origin` says so; programs send no Origin.
    """
    if origin is None:
        return True
    if hosts:
        return host_of(origin) in hosts
    return not same_origin or host_of(origin) == host.lower()
