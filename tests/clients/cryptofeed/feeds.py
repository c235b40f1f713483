"""What the drivers of cryptofeed share: its log, callbacks that count, and a run of its feeds."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from cryptofeed import FeedHandler
from findings import Tally


class Complaints(logging.Handler):
    """cryptofeed catches what goes wrong (BadChecksum among it), logs it and connects again: its log is what tells."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(logging.WARNING)
        self.tally = tally

    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[1] if record.exc_info else None
        self.tally.fail(f"{record.getMessage()} ({type(cause).__name__}: {cause})" if cause else record.getMessage())


def callback(tally: Tally, channel: str, check: Callable[[Any], Any]) -> Any:
    """A callback that counts what passes the check. It never raises: cryptofeed would take that for its own error."""

    async def call(item: Any, _: float) -> None:
        try:
            example = check(item)
            if example is not None:
                tally.saw(channel, example)
        except Exception as error:
            tally.fail(f"{channel}: {type(error).__name__}: {error}")

    return call


def run_feeds(tally: Tally, seconds: float, add_feeds: Callable[[FeedHandler], None]) -> int:
    """Run the feeds until each channel has delivered."""
    # Its default is a log file in the working directory.
    handler = FeedHandler(config={"uvloop": True, "log": {"disabled": True}})
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    complaints = Complaints(tally)
    logging.getLogger("feedhandler").addHandler(complaints)
    add_feeds(handler)
    handler.run(start_loop=False)
    loop.run_until_complete(tally.wait(seconds))
    logging.getLogger("feedhandler").removeHandler(complaints)
    loop.run_until_complete(handler.stop_async(loop))
    return tally.verdict()
