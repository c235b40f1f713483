"""The configuration: one TOML file, each key also settable from the environment and the command line.

Later ones win: defaults, the file, `POLYFEED_SECTION__KEY` variables, `--set section.key=value`. A key that does not
exist is an error that names the nearest one that does.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from polyfeed.app.wants import wants
from polyfeed.dialects._base.origins import allowed_hosts
from polyfeed.dialects._base.secrets import Secret, SecretUrl, check_url, masked_url
from polyfeed.dialects.bitstamp import BitstampSettings
from polyfeed.dialects.ekiden import EkidenSettings
from polyfeed.dialects.kraken import KrakenSettings
from polyfeed.dialects.peatio import PeatioSettings
from polyfeed.dialects.rails import RailsSettings
from polyfeed.gateway.door import networks
from polyfeed.sources.relay_terms import Terms

ENVIRONMENT_PREFIX = "POLYFEED_"

OTHERS = re.compile(r"REQUIRE_|[A-Z0-9_]*(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP)|PORT=(tcp|udp)://)")
"""What follows the prefix in `NAME=value` of those that set no key: which tests must not be skipped, and where services
are, such as `polyfeed-gateway`, which Kubernetes tells every pod (its manual, "Service", on environment variables).
"""

PortNumber = Annotated[int, Meta(ge=0, le=65535)]
"""0 takes a free one."""

Seconds = Annotated[float, Meta(gt=0)]

NotNegative = Annotated[int, Meta(ge=0)]

BUS_SCHEMES = ("nats", "tls", "ws", "wss")
"""What the NATS client speaks."""


class ConfigError(Exception):
    """Something in the configuration is wrong; the text says what, where, and what to do."""


class ServerSection(Struct, frozen=True, kw_only=True):
    """Where the server listens.

    `tls` is empty, "self-signed" (a certificate is made in `state_dir`), or the path of a PEM certificate chain whose
    key is `tls_key`. TLS listeners stand beside the plain ones. `drain_seconds` is the most a stop waits for clients.
    With `workers` the dialects' ports are served by so many processes beside the venue's.
    `trusted_proxies` are addresses and networks, separated by spaces, whose X-Forwarded-For says who a client is.
    """

    host: str = "127.0.0.1"
    tls: str = ""
    tls_key: str = ""
    state_dir: str = "~/.local/state/polyfeed"
    drain_seconds: Seconds = 5.0
    workers: Annotated[int, Meta(ge=0, le=64)] = 0
    trusted_proxies: str = ""

    def __post_init__(self) -> None:
        networks(self.trusted_proxies)


class HttpSection(Struct, frozen=True, kw_only=True):
    """The operator's port: health, metrics, statuses, accounts.

    It listens on `host`, which is not `server.host`, and on other than a loopback address only with a token: `token`,
    or the first line of `token_file`. With one, the operator's calls and the metrics want `Authorization: Bearer`.
    `names` are the host names, separated by spaces, by which operators reach it, beside addresses and `localhost`.
    `faults` lets its callers do faults to connections on purpose.
    """

    host: str = "127.0.0.1"
    port: PortNumber = 9000
    names: str = ""
    token: Secret = ""
    token_file: str = ""
    faults: bool = False


class KrakenSection(KrakenSettings, frozen=True, kw_only=True):
    """The Kraken dialect: where it listens, and its settings."""

    enabled: bool = True
    port: PortNumber = 9001
    tls_port: PortNumber = 9101


class BitstampSection(BitstampSettings, frozen=True, kw_only=True):
    """The Bitstamp dialect: where it listens, and its settings."""

    enabled: bool = True
    port: PortNumber = 9002
    tls_port: PortNumber = 9102


class PeatioSection(PeatioSettings, frozen=True, kw_only=True):
    """The Peatio dialect: where it listens, and its settings."""

    enabled: bool = True
    port: PortNumber = 9003
    tls_port: PortNumber = 9103


class RailsSection(RailsSettings, frozen=True, kw_only=True):
    """The Rails dialect: where it listens, and its settings."""

    enabled: bool = True
    port: PortNumber = 9004
    tls_port: PortNumber = 9104


class EkidenSection(EkidenSettings, frozen=True, kw_only=True):
    """The Ekiden dialect: where it listens, and its settings."""

    enabled: bool = True
    port: PortNumber = 9005
    tls_port: PortNumber = 9105


class RelaySection(Struct, frozen=True, kw_only=True):
    """A running Peatio whose exchange is consumed; no `url` (amqp://…) is no relay.

    `markets` says what no message does: `btcusd=BTC-USD:2:8 …`, with the decimals of prices and sizes. Markets that it
    does not name are guessed from their ids.
    """

    url: SecretUrl = ""
    exchange: str = "peatio.events.ranger"
    markets: str = ""

    def __post_init__(self) -> None:
        check_url(self.url)
        Terms.read(self.markets)


class PublishSection(Struct, frozen=True, kw_only=True):
    """A RabbitMQ on which the venue publishes what Peatio would, to feed a Rango; no `url` is none."""

    url: SecretUrl = ""
    exchange: str = "peatio.events.ranger"

    def __post_init__(self) -> None:
        check_url(self.url)


class FlowSection(Struct, frozen=True, kw_only=True):
    """What happens on the demo markets by itself.

    `capture` plays the recording that ships with the package, as orders in the venue's own book or as bare levels.
    `agents` is the mean number of actions per second on each market. `seed` makes the agents repeat themselves.
    """

    demo: bool = False
    capture: Literal["orders", "levels", "off"] = "orders"
    speed: Annotated[float, Meta(ge=0.1, le=100)] = 1.0
    agents: Annotated[float, Meta(ge=0, le=1000)] = 1.0
    seed: int = 1


class GatewaySection(Struct, frozen=True, kw_only=True):
    """What connections are given. Times in seconds, sizes in bytes.

    `lag_bytes` are kept for readers that fall behind, for each group of equal subscriptions; a reader that falls
    further behind gets what its channel says. One whose socket takes nothing for `stall_seconds` is dropped, and one
    whose machine does not answer TCP for `dead_seconds`.

    A connection may send `message_rate` frames a second, pings included, `message_burst` of them at once, and messages
    in `max_fragments`. There may be `connections` in all, else 503; `address_connections` of one address (an IPv6
    network of 64 bits counts as one) and `handshake_rate` a second, `handshake_burst` at once, else 429. `origins`
    are the web pages that may connect, with commas: hosts, or http(s) URLs; none is all. 0 is no limit. With
    `compression`, clients that ask for permessage-deflate get it.

    What was said in the last `resume_seconds` is kept for clients that come back (docs/resume.md; 0: nothing), of each
    dialect at most `resume_bytes` of `resume_feeds` feeds.
    """

    lag_bytes: Annotated[int, Meta(ge=65_536)] = 786_432
    handshake_seconds: Seconds = 10.0
    stall_seconds: Seconds = 30.0
    close_seconds: Seconds = 5.0
    head_bytes: Annotated[int, Meta(ge=1024)] = 16_384
    send_buffer_bytes: Annotated[int, Meta(ge=4096)] = 131_072
    dead_seconds: Annotated[int, Meta(ge=5)] = 60
    message_rate: NotNegative = 200
    message_burst: Annotated[int, Meta(ge=1)] = 1000
    max_fragments: Annotated[int, Meta(ge=1)] = 1024
    connections: NotNegative = 50_000
    address_connections: NotNegative = 1000
    handshake_rate: NotNegative = 100
    handshake_burst: Annotated[int, Meta(ge=1)] = 1000
    origins: str = ""
    compression: bool = False
    resume_seconds: NotNegative = 10
    resume_bytes: Annotated[int, Meta(ge=65_536)] = 16_777_216
    resume_feeds: Annotated[int, Meta(ge=1)] = 4096

    def __post_init__(self) -> None:
        allowed_hosts(self.origins)


class StoreSection(Struct, frozen=True, kw_only=True):
    """Where commands are recorded before they are carried out.

    `journal` is a directory, "off", or "auto": below `server.state_dir`, and none for the demo. `fsync` makes groups
    of commands durable before they are carried out ("always"), every `interval_seconds` (a power failure may lose that
    much of what was acknowledged), or never by itself; a process that dies alone loses nothing in any case. While the
    disk does not answer for `patience_seconds`, new commands are refused.

    `history` keeps what people query, beside the journal ("sqlite") or in a `postgresql://` database, or not at all
    ("off"); "auto" is sqlite where there is a journal. Without a journal there is none.

    A new segment begins after so many bytes, records or seconds, and a snapshot of the one before is made. `keep` says
    whether "all" segments are kept, or those "behind-snapshot": of the last two snapshots and everything later.
    """

    journal: str = "auto"
    history: SecretUrl = "auto"
    fsync: Literal["always", "interval", "off"] = "always"
    interval_seconds: Seconds = 0.1
    patience_seconds: Seconds = 0.5
    segment_bytes: Annotated[int, Meta(ge=4096, le=1 << 30)] = 67_108_864
    segment_records: Annotated[int, Meta(ge=1)] = 50_000
    segment_seconds: Seconds = 3600.0
    snapshots: bool = True
    keep: Literal["all", "behind-snapshot"] = "behind-snapshot"

    def __post_init__(self) -> None:
        check_url(self.history)
        words = self.history in ("auto", "sqlite", "off")
        if not (words or self.history.startswith(("postgresql://", "postgres://"))):
            raise ValueError(f"history is auto, sqlite, off or postgresql://…, not {masked_url(self.history)!r}")
        if self.journal == "off" and self.history not in ("auto", "off"):
            raise ValueError("history is made from the journal: leave store.journal on, or turn store.history off")


class BusSection(Struct, frozen=True, kw_only=True):
    """What carries batches from the venue to gateways on other machines, for `polyfeed venue` and `polyfeed gateway`.

    `url` names NATS servers with JetStream (`nats://a,b,c`); `credentials` is the path of a credentials file. `name`
    begins the names of all subjects, streams and buckets; each message is kept by `replicas` servers. With `standby` a
    command counts only when the servers have it, and another venue can take over. A gateway that hears nothing for
    `stale_seconds` says so to its clients.
    """

    url: SecretUrl = ""
    credentials: str = ""
    name: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$")] = "polyfeed"
    replicas: Annotated[int, Meta(ge=1, le=5)] = 1
    standby: bool = False
    stale_seconds: Seconds = 3.0

    def __post_init__(self) -> None:
        for one in self.url.split(","):
            if "://" in one and one.strip().lower().partition("://")[0] not in BUS_SCHEMES:
                raise ValueError(f"a bus is nats://HOST[,HOST…], not {masked_url(self.url)!r}")


class LogSection(Struct, frozen=True, kw_only=True):
    """What goes to the log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(Struct, frozen=True, kw_only=True):
    """Everything that can be set."""

    server: ServerSection = ServerSection()
    http: HttpSection = HttpSection()
    kraken: KrakenSection = KrakenSection()
    bitstamp: BitstampSection = BitstampSection()
    peatio: PeatioSection = PeatioSection()
    rails: RailsSection = RailsSection()
    ekiden: EkidenSection = EkidenSection()
    relay: RelaySection = RelaySection()
    publish: PublishSection = PublishSection()
    flow: FlowSection = FlowSection()
    gateway: GatewaySection = GatewaySection()
    store: StoreSection = StoreSection()
    bus: BusSection = BusSection()
    log: LogSection = LogSection()


def load(path: Path | None, environment: Mapping[str, str], settings: Iterable[str]) -> Config:
    """The configuration from a TOML file, the environment and `section.key=value` texts. Raises ConfigError."""
    tree: dict[str, dict[str, Any]] = {}
    if path is not None:
        _merge(tree, _read(path), str(path))
    _merge(tree, _from_environment(environment), "the environment")
    _merge(tree, _from_settings(settings), "the command line")
    try:
        return msgspec.convert(tree, Config, strict=False)
    except msgspec.ValidationError as error:
        # Each value fits its key: a section says what is wrong with several of them together.
        text, _, section = str(error).partition(" - at `$.")
        raise ConfigError(f"[{section.rstrip('`')}]: {text}") from error


def as_toml(config: Config) -> str:
    """The whole configuration as TOML text that `load` reads back."""
    return toml_of(msgspec.to_builtins(config))


def toml_of(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Sections of plain values as TOML text."""
    lines: list[str] = []
    for section, values in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {_toml_value(value)}" for key, value in values.items()]
        lines.append("")
    return "\n".join(lines)


def _toml_value(value: object) -> str:
    """JSON writes booleans, numbers and plain strings as TOML does."""
    return msgspec.json.encode(value).decode()


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, dict[str, str]]:
    tree: dict[str, dict[str, str]] = {}
    for name, value in sorted(environment.items()):
        rest = name.removeprefix(ENVIRONMENT_PREFIX)
        section, mark, key = rest.lower().partition("__")
        if not name.startswith(ENVIRONMENT_PREFIX) or (not mark and OTHERS.match(f"{rest}={value}")):
            continue
        if not mark:
            raise ConfigError(f"the environment: {name} sets nothing; {_nearest_variable(name)}")
        tree.setdefault(section, {})[key] = value
    return tree


def _nearest_variable(name: str) -> str:
    sections = msgspec.structs.fields(Config)
    keys = [(one.name, key.name) for one in sections for key in msgspec.structs.fields(one.type)]
    names = [f"{ENVIRONMENT_PREFIX}{section}__{key}".upper() for section, key in keys]
    close = difflib.get_close_matches(name, names, 1, 0.8)
    return f"did you mean {close[0]}?" if close else f"a key is set by {ENVIRONMENT_PREFIX}SECTION__KEY"


def _from_settings(settings: Iterable[str]) -> dict[str, dict[str, str]]:
    tree: dict[str, dict[str, str]] = {}
    for text in settings:
        name, mark, value = text.partition("=")
        section, dot, key = name.partition(".")
        if not mark or not dot:
            raise ConfigError(f"--set takes section.key=value, not {text!r} (for example --set kraken.port=9001)")
        tree.setdefault(section.strip(), {})[key.strip()] = value.strip()
    return tree


def _merge(tree: dict[str, dict[str, Any]], other: Mapping[str, Any], where: str) -> None:
    """Lays `other` over `tree`; every name in it must exist."""
    sections = {field.name: field.type for field in msgspec.structs.fields(Config)}
    for section, values in other.items():
        kind = sections.get(section)
        if kind is None:
            raise ConfigError(f"{where}: there is no section {section!r}; {_nearest(section, sections)}")
        if not isinstance(values, Mapping):
            raise ConfigError(f"{where}: {section!r} is a section, its keys go below [{section}]")
        keys = {field.name: field.type for field in msgspec.structs.fields(kind)}
        for key, value in values.items():
            if key not in keys:
                raise ConfigError(f"{where}: there is no key {section}.{key}; {_nearest(key, keys)}")
            if wrong := wants(keys[key], value):
                raise ConfigError(f"{where}: {section}.{key} {wrong}")
            tree.setdefault(section, {})[key] = value


def _nearest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, 1, 0.4)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}"
