"""What names a history to clients that come back, and what gateways say to each other about them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from polyfeed.app.config import load
from polyfeed.app.flow import Flow
from polyfeed.app.returns import Returns
from polyfeed.app.server import history_id
from polyfeed.bus.memory import MemoryBus
from polyfeed.dialects._base.effects import FeedKey
from tests.gateway.fakes import Stage

STORE: Any = SimpleNamespace(venue=bytes.fromhex("00ff" * 8))
KEY = FeedKey("a", 0)


def test_the_journals_history_keeps_its_name() -> None:
    assert history_id(load(None, {}, []), Flow([]), STORE) == "00ff" * 8


@pytest.mark.parametrize(
    ("settings", "recordings", "store"),
    [
        ([], (), None),
        (["store.fsync=interval"], (), STORE),
        (["relay.url=amqp://127.0.0.1"], (), STORE),
        ([], (object(),), STORE),
    ],
    ids=["no journal", "what was told may be cut off", "a relay tells a part", "a recording tells a part"],
)
def test_every_other_has_a_new_one(settings: list[str], recordings: Any, store: Any) -> None:
    config, flow = load(None, {}, settings), Flow([], (), recordings)
    names = {history_id(config, flow, store) for _ in range(3)}
    assert len(names) == 3
    assert "00ff" * 8 not in names


def side(bus: MemoryBus) -> tuple[Stage, Returns]:
    """A gateway of one dialect."""
    stage = Stage()
    market: Any = SimpleNamespace(seen={}, instruments=[])
    gateway: Any = SimpleNamespace(fans={"fake": stage.fan}, market=market)
    section = load(None, {}, []).gateway
    return stage, Returns(gateway, section, "ab", bus, stage._later, lambda: stage.time)


def test_what_one_gateway_keeps_the_others_keep() -> None:
    bus = MemoryBus()
    (one, _), (two, returns), (three, gone) = side(bus), side(bus), side(bus)
    gone.close()
    assert one.fan.replays is not None
    one.fan.replays.join(KEY)
    assert list(one.fan.listeners()) == list(two.fan.listeners()) == [KEY]
    assert three.fan.idle()
    returns.begin("cd")
    assert two.fan.replays is not None
    assert '"epoch":"cd"' in two.fan.replays.marker()


def test_many_feeds_are_named_in_several_words() -> None:
    bus = MemoryBus()
    words: list[bytes] = []
    bus.subscribe_words(words.append)
    (one, returns), (two, _) = side(bus), side(bus)
    returns._tell("fake", [FeedKey("a", number) for number in range(2500)])
    assert len(words) == 3
    assert one.fan.idle()
    assert len(two.fan.listeners()) == 2500


@pytest.mark.parametrize("word", [b"", b"x", msgspec.msgpack.encode(["fake"]), msgspec.msgpack.encode(["fake", [[1]]])])
def test_a_word_that_is_not_understood_is_passed_over(word: bytes, caplog: pytest.LogCaptureFixture) -> None:
    bus = MemoryBus()
    stage, _ = side(bus)
    bus.tell(word)
    bus.tell(msgspec.msgpack.encode(["other", []]))
    assert stage.fan.idle()
    assert caplog.text.count("not understood") == 1
