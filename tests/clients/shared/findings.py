"""What every driver shares: its arguments, one JSON line per finding, and what each channel still owes.

A driver runs in the environment of the client it drives, so this file uses the standard library alone and knows
nothing of the server's code.
"""

import argparse
import asyncio
import json
import sys
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn


def arguments(
    description: str, pair: str = "XBT/USD", what: tuple[str, ...] = ("sockets", "rest")
) -> argparse.ArgumentParser:
    """The arguments that all drivers take. A driver adds its own, such as a certificate."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--ws", help="the WebSocket's address, ws://HOST:PORT")
    parser.add_argument("--rest", required=True, help="the REST API's address, http://HOST:PORT")
    parser.add_argument("--pair", default=pair, help="the pair, as the exchange's WebSocket names it")
    parser.add_argument("--seconds", type=float, default=60.0, help="give up after this long")
    parser.add_argument("--updates", type=int, default=20, help="how many book updates each book must deliver")
    parser.add_argument(
        "--what",
        choices=what,
        default=what[0],
        help="drive the client's subscriptions, its calls of the REST API, or orders through both",
    )
    return parser


def emit(finding: str, **facts: Any) -> None:
    """Print one finding as a line of JSON."""
    print(json.dumps({"finding": finding, **facts}, default=str), flush=True)


class Tally:
    """Counts the valid messages of each channel until every channel has enough, or until something is wrong.

    A failure ends the run at once: what the client said next would only hide the cause.
    """

    def __init__(self, needs: Mapping[str, int]) -> None:
        self.needs = dict(needs)
        self.seen: Counter[str] = Counter()
        self.failures: list[str] = []
        self.enough = {name: asyncio.Event() for name in needs}
        self.over = asyncio.Event()

    def saw(self, channel: str, example: Any = None) -> None:
        """Count one valid message, and show the first of each channel."""
        self.seen[channel] += 1
        if self.seen[channel] == 1:
            emit("first", channel=channel, example=example)
        if self.seen[channel] == self.needs.get(channel):
            self.enough[channel].set()
            if not self.missing():
                self.over.set()

    def fail(self, text: str) -> None:
        """Record that the client, or a check of what it delivered, was not content."""
        self.failures.append(text)
        emit("failure", text=text)
        self.over.set()

    def missing(self) -> dict[str, str]:
        """The channels that have not delivered enough, each with how much it has."""
        return {name: f"{self.seen[name]} of {need}" for name, need in self.needs.items() if self.seen[name] < need}

    async def wait(self, seconds: float) -> None:
        """Return when the run is over, or out of time."""
        try:
            await asyncio.wait_for(self.over.wait(), seconds)
        except TimeoutError:
            self.fail(f"after {seconds:g} s these had not delivered enough: {self.missing()}")

    def verdict(self) -> int:
        """Print the result and return the exit code: 0 only when nothing failed and nothing is missing."""
        missing = self.missing()
        good = not self.failures and not missing
        emit("result", ok=good, seen=dict(self.seen), missing=missing)
        for text in self.failures or ([f"not delivered: {missing}"] if missing else []):
            print(f"FAILED: {text}", file=sys.stderr)
        return 0 if good else 1


async def answered(call: Callable[[], Awaitable[Any]], check: Callable[[Any], Any], seconds: float = 10.0) -> Any:
    """Call until the check is content with the answer: a market that has just opened has no trade and no candle yet."""
    deadline = time.monotonic() + seconds
    while True:
        answer = await call()
        try:
            return check(answer)
        except ValueError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.25)


def run(main: Callable[[], int]) -> NoReturn:
    """Run a driver's main and exit with its code; whatever it raises is a failure with its reason on the last line."""
    try:
        code = main()
    except Exception as error:
        traceback.print_exc(limit=-4, chain=False)
        print(f"FAILED: {type(error).__name__}: {error}", file=sys.stderr)
        code = 1
    sys.exit(code)


def require(condition: bool, text: str) -> None:
    """Raise ValueError with this text unless the condition holds (`assert` may be switched off)."""
    if not condition:
        raise ValueError(text)
