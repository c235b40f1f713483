"""aiohttp on uvloop, without compression; each socket is sent to in turn, and waited for only when it is full."""

import asyncio

import uvloop
from aiohttp import WSMsgType, web
from common import MOST_WAITING, serve

topics: dict[str, dict[web.WebSocketResponse, asyncio.Transport]] = {}
waiting: set[asyncio.Task[None]] = set()


async def accept(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False, autoping=True)
    await socket.prepare(request)
    topic = await socket.receive_str()
    assert request.transport is not None
    topics.setdefault(topic, {})[socket] = request.transport
    await socket.send_str('"ready"')
    async for _ in socket:
        pass
    topics[topic].pop(socket, None)
    return socket


def publish(topic: str, text: bytes, count: int) -> None:
    for socket in topics.get(topic, ()):
        for _ in range(count):
            # Runs to its end at once unless the socket is full, so a task is not needed to send.
            sending = socket.send_frame(text, WSMsgType.TEXT)
            try:
                sending.send(None)
            except StopIteration:
                continue
            sending.close()


def behind() -> bool:
    first = next(iter(topics.get("0", {}).values()), None)
    return first is not None and first.get_write_buffer_size() > MOST_WAITING


async def main() -> None:
    app = web.Application()
    app.router.add_get("/", accept)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    assert site._server is not None
    await serve(site._server.sockets[0].getsockname()[1], publish, behind)


uvloop.run(main())
