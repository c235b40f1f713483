"""docs/closes.md, made from what the code says: `python -m polyfeed.app.closes_page > docs/closes.md`."""

from __future__ import annotations

from collections.abc import Iterable

from polyfeed.accounts.accounts import Accounts
from polyfeed.accounts.vault import MASTER_BYTES, Vault
from polyfeed.app.config import Config
from polyfeed.dialects._base.closes import CloseCause
from polyfeed.dialects._base.context import Context
from polyfeed.dialects.registry import DIALECTS, make_dialects
from polyfeed.gateway.closes import CLOSES
from polyfeed.market.market import Market

HEAD = """# Close codes

Every close frame that polyfeed sends, with its reason, when it is sent, and whether a client should come back. The page
is made from the code (`python -m polyfeed.app.closes_page`), and a test holds it to be current.

*Reconnect* says *yes* where the same client can go on as it did; come back after a pause that grows (a second, then
twice as long each time, with chance in it), and subscribe anew. *No* means that the same would happen again: something
has to be mended first. A connection that ends without a close frame (1006 in most clients) was cut by the network, or
because its socket took nothing for `gateway.stall_seconds` or its machine did not answer for `gateway.dead_seconds`:
come back.

Handshakes are refused with an HTTP status: 403 for an origin or an account, 429 or 503 with `Retry-After` for an
address, or a server, that has too many connections; 503 with `Retry-After` while the feed is behind (docs/stale.md);
and each dialect's own.
"""


def page() -> str:
    """The whole page."""
    context = Context(Market(), Accounts(), Vault(bytes(MASTER_BYTES)))
    dialects = make_dialects(context, {name: getattr(Config(), name) for name in DIALECTS})
    parts = [HEAD, "## On every port\n", table(CLOSES)]
    for dialect in dialects:
        parts += [f"## {dialect.name.capitalize()}\n", table(dialect.closes)]
    return "\n".join(parts)


def table(causes: Iterable[CloseCause]) -> str:
    """Causes by code, as a table in Markdown."""
    rows = [
        f"| {cause.code} | {cause.reason} | {'yes' if cause.reconnect else 'no'} | {cause.when} |\n"
        for cause in sorted(causes)
    ]
    return "| code | reason | reconnect | when |\n|---|---|---|---|\n" + "".join(rows)


if __name__ == "__main__":
    print(page(), end="")
