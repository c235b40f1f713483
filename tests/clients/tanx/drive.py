"""Drives tanx-connector's WsClient against a Peatio port: public streams, and private ones by `?auth_header=`.

    python drive.py --public ws://HOST:PORT/public --private ws://HOST:PORT/private?auth_header=TOKEN

The client is as it was published; only the address that it connects to is set, which is a public attribute.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from tanxconnector import WsClient

sys.path.insert(0, str(Path(__file__).parents[1] / "shared"))
from findings import emit


async def answer(client: WsClient) -> str:
    """The next acknowledgement; what comes before it are events."""
    async with asyncio.timeout(20):
        while True:
            text = await client.websocket.recv()
            if text.startswith('{"success"'):
                return text


async def public(address: str) -> None:
    client = WsClient("public")
    client.connection = address
    await client.connect()
    emit("welcome", text=await answer(client))
    await client.subscribe(["btcusd.trades", "btcusd.ob-inc"])
    emit("subscribed", text=await answer(client))
    events = set()
    async with asyncio.timeout(30):
        while not {"btcusd.ob-inc"} <= events:
            events |= json.loads(await client.websocket.recv()).keys()
    emit("events", names=sorted(events))
    await client.unsubscribe(["btcusd.ob-inc"])
    emit("unsubscribed", text=await answer(client))
    await client.disconnect()


async def private(address: str) -> None:
    base, _, token = address.partition("?auth_header=")
    client = WsClient("private", jwt=token)
    client.connection = f"{base}?{client.connection.partition('?')[2]}"
    await client.connect()
    emit("private welcome", text=await answer(client))
    await client.subscribe(["order", "trade"])
    emit("private subscribed", text=await answer(client))
    await client.disconnect()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--public", required=True)
    parser.add_argument("--private", required=True)
    options = parser.parse_args()
    await public(options.public)
    await private(options.private)
    emit("result", ok=True)


if __name__ == "__main__":
    asyncio.run(main())
