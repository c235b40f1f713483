"""`polyfeed tap` when nothing will come: the server's error and the end, or what the silence may mean."""

from __future__ import annotations

import io
from functools import partial

import pytest
from rich.console import Console

from polyfeed.app import tap
from polyfeed.app.cli import parser
from polyfeed.app.server import Server
from tests.app.house import get, running

pytestmark = pytest.mark.slow


async def tapped(server: Server, name: str, symbol: str, *words: str) -> int:
    path = "/ws/public" if name == "ekiden" else "/"
    url = f"ws://127.0.0.1:{server.ports[name]}{path}"
    return await tap.run(parser().parse_args(["tap", name, "book", symbol, "--url", url, *words]))


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("kraken", "the server says: Currency pair not supported"),
        ("ekiden", "the server says: UNKNOWN_SYMBOL: NOPE/USD"),
    ],
)
async def test_an_error_before_anything_has_come_is_the_end(
    name: str, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running() as server:
        with pytest.raises(ValueError, match=error):
            await tapped(server, name, "NOPE/USD")
    assert "NOPE/USD" in capsys.readouterr().out, "the message itself is printed too"


async def test_a_refused_handshake_says_why() -> None:
    async with running() as server:
        with pytest.raises(OSError, match=r"HTTP 401: .*expired token.*`polyfeed account token` prints one"):
            await tapped(server, "rails", "NOPE-USD")
        _, _, reply = await get(server, "/api/accounts/alice/tokens", method="POST", body={"dialect": "rails"})
        token = reply.decode().split('"')[3]
        with pytest.raises(OSError, match=r"HTTP 400: .*unknown market: NOPE-USD") as caught:
            await tapped(server, "rails", "NOPE-USD", "--token", token)
    assert "account token" not in str(caught.value)


@pytest.mark.parametrize("terminal", [False, True])
async def test_who_acknowledges_everything_is_doubted(
    terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(tap, "SILENCE_SECONDS", 0.0)
    if terminal:
        monkeypatch.setattr(tap, "Console", partial(Console, file=screen, force_terminal=True, width=200))
    async with running() as server:
        assert await tapped(server, "bitstamp", "nope", "--seconds", "0.2") == 0
    said = screen.getvalue() if terminal else capsys.readouterr().err
    assert "nothing of nope has come yet" in said
    assert terminal or "bitstamp has no market of that name" in said
