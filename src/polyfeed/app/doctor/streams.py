"""The streams as they are, against the terms that the venue makes them by."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct
from nats.js.api import StreamConfig, StreamInfo

from polyfeed.app.doctor.finding import Finding, Level, judged


class Term(Struct, frozen=True):
    """One setting: whether what is there will do for what is wanted, how bad it is if not, and what follows."""

    name: str
    fits: Callable[[float, float], bool]
    otherwise: Level
    option: str
    consequence: str


def _equal(found: float, wanted: float) -> bool:
    return found == wanted


def _at_least(found: float, wanted: float) -> bool:
    return found >= wanted


def _limit_at_least(found: float, wanted: float) -> bool:
    """Of limits, of which none is 0 or -1."""
    return found <= 0 or (wanted > 0 and found >= wanted)


TERMS = (
    Term("subjects", _equal, Level.FAIL, "subjects", "what the venue publishes goes elsewhere"),
    Term("storage", _equal, Level.FAIL, "", "it is gone with the servers; delete the stream, the venue makes it anew"),
    Term("retention", _equal, Level.FAIL, "", "it is not kept for all; delete the stream, the venue makes it anew"),
    Term("discard", _equal, Level.FAIL, "discard", "a full stream would stop the venue"),
    Term("num_replicas", _at_least, Level.FAIL, "replicas", "it does not outlive the loss of a server"),
    Term("duplicate_window", _at_least, Level.FAIL, "dupe-window", "a repeated publication counts twice"),
    Term("max_age", _limit_at_least, Level.WARN, "max-age", "who was away for longer begins anew"),
    Term("max_bytes", _limit_at_least, Level.WARN, "max-bytes", "who has missed more begins anew"),
    Term("max_msgs", _limit_at_least, Level.WARN, "max-msgs", "who has missed more begins anew"),
    Term("max_msg_size", _limit_at_least, Level.FAIL, "max-msg-size", "large messages are refused"),
    Term(
        "max_consumers",
        _limit_at_least,
        Level.WARN,
        "",
        "later gateways cannot read; delete it, the venue makes it anew",
    ),
    Term("allow_direct", _equal, Level.WARN, "allow-direct", "every read goes to the stream's leader"),
)


def check_stream(wanted: StreamConfig, info: StreamInfo | None) -> list[Finding]:
    """The settings of one stream, None when it is not there, and whether its replicas have caught up."""
    name = wanted.name or ""
    if info is None:
        return [Finding(Level.OK, f"stream {name}", "not made yet", "", "")]
    wrong = [
        judged(
            f"stream {name}: {term.name}",
            False,
            _shown(getattr(info.config, term.name)),
            _shown(getattr(wanted, term.name)),
            f"{term.consequence}{_command(name, term, wanted)}",
            otherwise=term.otherwise,
        )
        for term in TERMS
        if not _fits(term, getattr(info.config, term.name), getattr(wanted, term.name))
    ]
    flags = [flag for flag in ("sealed", "no_ack") if getattr(info.config, flag)]
    wrong += [
        Finding(Level.FAIL, f"stream {name}: {flag}", "on", "off", "the venue cannot write to it: delete the stream")
        for flag in flags
    ]
    held = f"{info.state.messages} messages, {info.state.bytes >> 20} MiB"
    return [*(wrong or [Finding(Level.OK, f"stream {name}", held)]), *_replicas(name, info)]


def _fits(term: Term, found: object, wanted: object) -> bool:
    """Numbers are held against each other as the term says; a setting that is not wanted in particular is no limit."""
    if isinstance(found, int | float) and not isinstance(found, bool):
        return term.fits(float(found), float(wanted or 0) if isinstance(wanted, int | float) else 0.0)
    return bool(found == wanted)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "no limit" if value in (None, 0, 0.0, -1) else str(getattr(value, "value", value))


def _command(name: str, term: Term, wanted: StreamConfig) -> str:
    if not term.option:
        return ""
    value = getattr(wanted, term.name)
    match value:
        case True | False:
            words = f"--{'' if value else 'no-'}{term.option}"
        case float():
            words = f"--{term.option} {value:g}s"
        case None:
            words = f"--{term.option} -1"
        case list():
            words = f"--{term.option} {','.join(value)}"
        case _:
            words = f"--{term.option} {_shown(value)}"
    return f": `nats stream edit {name} {words}`"


def _replicas(name: str, info: StreamInfo) -> Iterable[Finding]:
    cluster = info.cluster
    if cluster is None or not (info.config.num_replicas or 1) > 1:
        return
    behind = [peer.name or "?" for peer in cluster.replicas or [] if peer.offline or not peer.current]
    if behind:
        yield Finding(
            Level.WARN,
            f"stream {name}: replicas",
            f"{', '.join(behind)} behind or away",
            "all current",
            "the loss of one more server may stop the venue: look at that server's log",
        )
