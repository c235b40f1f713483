"""websockets with its `broadcast`, on uvloop, without compression."""

import uvloop
from common import MOST_WAITING, serve
from websockets.asyncio.server import ServerConnection, broadcast
from websockets.asyncio.server import serve as listen

topics: dict[str, set[ServerConnection]] = {}


async def accept(connection: ServerConnection) -> None:
    topic = str(await connection.recv())
    topics.setdefault(topic, set()).add(connection)
    await connection.send('"ready"')
    try:
        await connection.wait_closed()
    finally:
        topics[topic].discard(connection)


def publish(topic: str, text: bytes, count: int) -> None:
    members, said = topics.get(topic, ()), text.decode()
    for _ in range(count):
        broadcast(members, said)


def behind() -> bool:
    first = next(iter(topics.get("0", ())), None)
    return first is not None and first.transport.get_write_buffer_size() > MOST_WAITING


async def main() -> None:
    async with listen(accept, "127.0.0.1", 0, compression=None, ping_interval=None, backlog=4096) as server:
        await serve(server.sockets[0].getsockname()[1], publish, behind)


uvloop.run(main())
