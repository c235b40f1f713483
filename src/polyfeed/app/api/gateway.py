"""Endpoints that say where everything is and what the gateway does."""

from __future__ import annotations

from collections import Counter

from polyfeed import __version__
from polyfeed.app.api import schemas
from polyfeed.app.api.endpoints import Call, Endpoint
from polyfeed.app.demo_keys import DEMO_KEYS
from polyfeed.gateway.fanout import FanOut
from polyfeed.gateway.meter import BOUNDS_US
from polyfeed.sources.demo import USERS


async def directory(call: Call) -> schemas.DirectoryView:
    """Where the dialects listen, and who the demo's users are."""
    server = call.server
    demo = server.config.flow.demo
    ports = [
        schemas.DialectPort(name, server.ports[name], server.ports.get(f"{name} (tls)", 0)) for name in server.fans
    ]
    users = [
        schemas.DemoUser(USERS[one.account], one.key, one.secret) for one in DEMO_KEYS if demo and one.account in USERS
    ]
    return schemas.DirectoryView(__version__, demo, ports, users)


async def gateway(call: Call) -> schemas.GatewayState:
    """What every dialect's port does."""
    server = call.server
    sequencer = server.sequencer
    dialects = [dialect_state(name, fan) for name, fan in server.fans.items()]
    return schemas.GatewayState(server.now(), sequencer.seq, sequencer.history.ts, dialects)


def dialect_state(name: str, fan: FanOut) -> schemas.DialectState:
    """One dialect's part."""
    meter = fan.meter
    feeds: Counter[str] = Counter()
    subscriptions: Counter[str] = Counter()
    for key, listeners in fan.listeners().items():
        feeds[key.channel] += 1
        subscriptions[key.channel] += listeners
    return schemas.DialectState(
        name,
        len(fan.connections),
        sum(one.outlet.paused for one in fan.connections),
        fan.frames,
        meter.healed,
        {str(status): count for status, count in sorted(meter.refused.items())},
        [schemas.CloseCount(code, reason, count) for (code, reason), count in meter.closes.most_common()],
        [schemas.ChannelCount(channel, feeds[channel], subscriptions[channel]) for channel in sorted(feeds)],
        schemas.DeliveryView(list(BOUNDS_US), list(meter.delivered), meter.waited_us),
    )


ENDPOINTS = [
    Endpoint(
        "GET", "/api/directory", "Where the dialects listen, and the demo's users", directory, schemas.DirectoryView,
        "open",
    ),
    Endpoint("GET", "/api/gateway", "What every dialect's port does", gateway, schemas.GatewayState, "operator"),
]  # fmt: skip
