"""Hears a Kraken book from whichever gateway is there, each message exactly once (docs/resume.md):

python without_gaps.py ws://127.0.0.1:9001 ws://127.0.0.1:9011     (the gateways of `polyfeed cluster up`)
"""

import asyncio
import itertools
import json
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

REQUEST = {"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "book", "depth": 10}}


async def messages(urls, request):
    """Yields what is said to one request. None comes where something was missed: what follows begins anew."""
    place = "1"
    for url in itertools.cycle(urls):
        pending = []
        try:
            async with connect(f"{url}/?polyfeed_resume={place}", max_size=None) as socket:
                await socket.send(json.dumps(request))
                async for text in socket:
                    ours = json.loads(text)["polyfeed"] if text.startswith('{"polyfeed"') else None
                    if ours is None:
                        pending.append(text)
                    elif ours.get("resumed") is False:
                        pending.append(None)
                    elif "offset" in ours:  # what came since the last offset would come again, so it counts from here
                        place = f"{ours['epoch']}.{ours['offset']}"
                        for message in pending:
                            yield message
                        pending = []
        except (OSError, WebSocketException) as error:
            print(f"{url}: {error or type(error).__name__}; trying the next one", file=sys.stderr)
            await asyncio.sleep(0.5)


async def main():
    urls = sys.argv[1:]
    if not urls:
        sys.exit("usage: python without_gaps.py URL…, for example ws://127.0.0.1:9001")
    async for message in messages(urls, REQUEST):
        print(message if message is not None else "a gap: the book begins anew")


if __name__ == "__main__":
    asyncio.run(main())
