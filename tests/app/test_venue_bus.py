"""A venue's side of the bus, without a bus: what is in an image."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from nats.aio.client import Client

from polyfeed.app.bus_image import BusImage
from polyfeed.app.config import BusSection
from polyfeed.app.venue_bus import VenueBus
from polyfeed.bus.memory import MemoryBus
from polyfeed.bus.nats.calls import FIRST_GATEWAY, Call
from polyfeed.bus.nats.entrance import Entrance
from polyfeed.bus.nats.lease import Lease


class Store:
    """Keeps images."""

    def __init__(self) -> None:
        self.kept: list[BusImage] = []

    async def put(self, _: str, image: BusImage) -> None:
        self.kept.append(image)

    async def names(self) -> list[str]:
        return []


async def ended(_: int) -> None:
    raise AssertionError("no gateway ends here")


async def test_an_image_knows_a_gateway_whose_first_command_is_on_its_way() -> None:
    """Otherwise it would be told that nobody knows what became of that, and then it would be carried out."""
    client = cast("Client", SimpleNamespace(jetstream=lambda **_: None))
    lease, store = cast("Lease", None), Store()
    images, submit = lambda: (b"", b"", {}), lambda *_: None
    venue: Any = VenueBus(
        client, BusSection(), lease, MemoryBus(), images, submit, ended, None, now=lambda: 0, demo=True, term=1
    )
    venue._store = store
    venue._entrance = Entrance(1, 0, {FIRST_GATEWAY + 9: 4}, submit)
    venue._entrance.take(0, 0, Call(FIRST_GATEWAY + 5, 1, joining=True))
    await venue._put_image()
    assert store.kept[0].numbers == {FIRST_GATEWAY + 5: 0, FIRST_GATEWAY + 9: 4}
