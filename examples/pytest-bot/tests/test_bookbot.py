"""The bot against a venue of its own: what it makes of an ordinary day, and of what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from bookbot import BookBot

BID, ASK = "50000.00000", "50010.00000"

quiet = pytest.mark.polyfeed(agents=0)
"""Nobody trades but the test."""


@pytest.fixture
def bot(polyfeed) -> Iterator[BookBot]:
    """A running bot that has its subscription."""
    bot = BookBot(polyfeed.kraken.ws_url, polyfeed.kraken.symbol("BTC-USD"), patience=1.5)
    bot.start()
    polyfeed.wait(lambda: any(one.subscriptions for one in polyfeed.connections("kraken")))
    yield bot
    bot.stop()


@pytest.fixture
def market(polyfeed, bot: BookBot) -> None:
    """One bid and one ask, which the bot has seen."""
    polyfeed.place("BTC-USD", "buy", price="50000", size="1")
    polyfeed.place("BTC-USD", "sell", price="50010", size="1")
    polyfeed.wait(lambda: bot.best == (BID, ASK))


@quiet
@pytest.mark.usefixtures("market")
def test_it_follows_the_best_prices(polyfeed, bot: BookBot) -> None:
    better = polyfeed.place("BTC-USD", "buy", price="50001", size="0.5")
    polyfeed.wait(lambda: bot.best == ("50001.00000", ASK))
    polyfeed.cancel(better)
    polyfeed.wait(lambda: bot.best == (BID, ASK))
    assert bot.mismatches == 0


@pytest.mark.parametrize("fault", ["checksum", "drop"])
@quiet
@pytest.mark.usefixtures("market")
def test_it_mends_a_book_that_does_not_fit(polyfeed, bot: BookBot, fault: str) -> None:
    polyfeed.fault("kraken", fault)
    polyfeed.place("BTC-USD", "buy", price="50001", size="1")
    polyfeed.place("BTC-USD", "buy", price="50002", size="1")
    polyfeed.wait(lambda: bot.best == ("50002.00000", ASK))
    assert bot.mismatches == 1
    assert bot.connects == 1


@quiet
@pytest.mark.usefixtures("market")
def test_it_comes_back_after_a_restart(polyfeed, bot: BookBot) -> None:
    polyfeed.fault("kraken", "restart")
    polyfeed.wait(lambda: bot.connects == 2 and bot.best == (BID, ASK))
    first, second = polyfeed.sent("kraken")
    assert first.close == (1001, "server is shutting down")
    assert second.close is None


@pytest.mark.parametrize("fault", ["silence", "half_open"])
@quiet
@pytest.mark.usefixtures("market")
def test_it_does_not_wait_for_ever(polyfeed, bot: BookBot, fault: str) -> None:
    polyfeed.fault("kraken", fault)
    polyfeed.wait(lambda: bot.connects == 2 and bot.best == (BID, ASK))
    assert bot.silences == 1


@pytest.mark.polyfeed(seed=7)
def test_its_book_is_the_exchanges_after_twenty_busy_seconds(polyfeed, bot: BookBot) -> None:
    polyfeed.step(20)
    url = f"{polyfeed.kraken.rest_url}/0/public/Depth?count=1&pair={quote('XBT/USD', safe='')}"
    with urlopen(url, timeout=10) as response:
        (book,) = json.load(response)["result"].values()
    polyfeed.wait(lambda: bot.best == (book["bids"][0][0], book["asks"][0][0]))
    assert bot.mismatches == 0
