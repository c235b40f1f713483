"""The console's files as HTTP replies."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from polyfeed.dialects._base.rest import RestResponse

STATIC = Path(__file__).parent / "static"
INDEX = "index.html"
ASSETS = "/assets/"
"""Below it every name holds a hash of what is in the file, so a browser need never ask again."""

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'{ports}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Pages:
    """Every file of the console, read once. `ports` of the dialects are where the page may connect to."""

    def __init__(self, root: Path = STATIC) -> None:
        self._files = {
            "/" + path.relative_to(root).as_posix().removesuffix(INDEX): (path.read_bytes(), TYPES[path.suffix])
            for path in sorted(root.rglob("*"))
            if path.suffix in TYPES
        }

    def __contains__(self, path: str) -> bool:
        """Whether there is such a file."""
        return path in self._files

    def reply(self, path: str, host: str, ports: Iterable[int]) -> RestResponse:
        """The file at a path; `host` is the name by which the browser reached this port."""
        kept = "public, max-age=31536000, immutable" if path.startswith(ASSETS) else "no-cache"
        sources = "".join(f" ws://{host}:{port} wss://{host}:{port} http://{host}:{port}" for port in ports)
        headers = {
            "cache-control": kept,
            "content-security-policy": POLICY.format(ports=sources),
            "cross-origin-opener-policy": "same-origin",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        }
        return RestResponse(200, *self._files[path], headers=headers)
