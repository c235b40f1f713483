"""The gauges of Ranger and Rango, under their names (sheet 5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from polyfeed.dialects._base.session import Session
from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.session import PeatioSession
from polyfeed.dialects.peatio.streams import Kind

MAX_TOPICS = 500
"""Topics that have a line of their own; the rest are summed up, with all that a client may have made up."""

PUBLIC, PRIVATE = "public", "private"


def metrics(sessions: Iterable[Session], opened: Mapping[str, int]) -> list[str]:
    """Lines in Prometheus's text format; `opened` counts connections from the beginning, by who was known."""
    current: Counter[str] = Counter({PUBLIC: 0, PRIVATE: 0})
    topics: Counter[tuple[str, str]] = Counter()
    for session in sessions:
        if isinstance(session, PeatioSession):
            current[PRIVATE if session.known else PUBLIC] += 1
            topics.update((kind_word(session.kind(name)), session.topic(name)) for name in session.names())
    shown = dict(topics.most_common(MAX_TOPICS))
    rest: Counter[tuple[str, str]] = Counter()
    for (kind, name), count in topics.items():
        if (kind, name) not in shown:
            rest[kind, spec.OTHER_TOPIC] += count
    shown |= rest
    return [
        "# TYPE rango_hub_clients_count gauge",
        f"rango_hub_clients_count {current.total()}",
        "# TYPE rango_hub_subscriptions_count gauge",
        *(
            f'rango_hub_subscriptions_count{{type="{kind}",topic="{label(name)}"}} {count}'
            for (kind, name), count in shown.items()
        ),
        "# TYPE ranger_connections_total counter",
        *(f'ranger_connections_total{{auth="{auth}"}} {opened.get(auth, 0)}' for auth in current),
        "# TYPE ranger_connections_current gauge",
        *(f'ranger_connections_current{{auth="{auth}"}} {count}' for auth, count in current.items()),
        "# TYPE ranger_subscriptions_current gauge",
        *(f'ranger_subscriptions_current{{stream="{label(name)}"}} {count}' for (_, name), count in shown.items()),
    ]


def kind_word(kind: Kind) -> str:
    """Rango's word for a kind of stream; a wildcard is public."""
    return {Kind.PRIVATE: PRIVATE, Kind.PREFIXED: "prefixed"}.get(kind, PUBLIC)


def label(text: str) -> str:
    """A label's value: at most 100 characters, with what Prometheus needs escaped."""
    return text[:100].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
