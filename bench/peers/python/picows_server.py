"""picows on uvloop, frames made once; several of them are one raw write."""

import uvloop
from common import MOST_WAITING, serve
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

topics: dict[str, dict[WSTransport, None]] = {}


class Reader(WSListener):
    """Subscribes what it says first."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.topic = ""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.topic = frame.get_payload_as_utf8_text()
            topics.setdefault(self.topic, {})[transport] = None
            transport.send(WSMsgType.TEXT, b'"ready"')

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        topics.get(self.topic, {}).pop(transport, None)


def publish(topic: str, text: bytes, count: int) -> None:
    members = topics.get(topic, ())
    if count == 1:
        for transport in members:
            transport.send(WSMsgType.TEXT, text)
    else:
        joined = (b"\x81\x7e" + len(text).to_bytes(2, "big") + text) * count
        for transport in members:
            transport.underlying_transport.write(joined)


def behind() -> bool:
    first = next(iter(topics.get("0", ())), None)
    return first is not None and first.underlying_transport.get_write_buffer_size() > MOST_WAITING


async def main() -> None:
    server = await ws_create_server(lambda _: Reader(), "127.0.0.1", 0, backlog=4096)
    await serve(server.sockets[0].getsockname()[1], publish, behind)


uvloop.run(main())
