"""ccxt on a Kraken that sends a wrong checksum once: it raises ChecksumError, and a new client's book is right.

A new one, because ccxt forgets the book but not the connection: the next update finds no book and is a KeyError.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import ccxt.pro

sys.path.append(str(Path(__file__).resolve().parents[1] / "shared"))
sys.path.append(str(Path(__file__).resolve().parent))

from drive import check_book, make_client, symbol_of
from findings import Tally, arguments, run


async def watch(options: Any) -> int:
    """Follows a book through one error and so many updates after it."""
    client = make_client(options)
    tally = Tally({"mismatch": 1, "book": options.updates})
    check = check_book(10)
    try:
        symbol = await symbol_of(client, options.pair)
        async with asyncio.timeout(options.seconds):
            while tally.missing():
                try:
                    check(await client.watch_order_book(symbol))
                except ccxt.ChecksumError as error:
                    tally.saw("mismatch", str(error))
                    await client.close()
                    client = make_client(options)
                else:
                    if not tally.enough["mismatch"].is_set():
                        continue
                    tally.saw("book")
        return tally.verdict()
    finally:
        await client.close()


if __name__ == "__main__":
    run(lambda: asyncio.run(watch(arguments("Drive ccxt through a wrong checksum.").parse_args())))
