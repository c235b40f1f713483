"""The command line: `polyfeed VERB …`."""

from __future__ import annotations

import argparse
import asyncio
import difflib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from polyfeed import __version__
from polyfeed.app import account, bus_roles, cluster, fault, journal, logs, ranger, record, serve, status, tap
from polyfeed.app.config import Config, ConfigError, as_toml, load, toml_of
from polyfeed.app.doctor.verb import doctor
from polyfeed.app.operator_client import CallFailed
from polyfeed.app.shown import masked
from polyfeed.dialects.kraken.spec import STATUSES
from polyfeed.dialects.registry import INBOUND

OPERATOR_URL = "http://127.0.0.1:9000"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb and returns the process's exit code: 0 done, 1 failed, 2 called wrongly, 130 interrupted."""
    options, unknown = parser().parse_known_args(argv)
    if unknown:
        options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        return int(options.run(options))
    except ConfigError as error:
        print(f"polyfeed: {error}", file=sys.stderr)
        return 2
    except (ValueError, CallFailed) as error:
        print(f"polyfeed: {error}", *getattr(error, "__notes__", ()), sep="\n", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read what was printed has enough; nothing more is flushed at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"polyfeed: {place}{error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


class _Parser(argparse.ArgumentParser):
    """Says, with the usage of the verb that was meant, which word is nearest to a wrong one."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.set_defaults(parser=self)

    def error(self, message: str) -> NoReturn:
        wrong = re.search(r"(?:invalid choice: '|unrecognized arguments: )([^' =]+)", message)
        known = [*self._option_string_actions, *(str(one) for action in self._actions for one in action.choices or ())]
        close = difflib.get_close_matches(wrong[1], known, 1) if wrong else []
        super().error(message + "".join(f"; did you mean {one}?" for one in close))


def parser() -> argparse.ArgumentParser:
    """All verbs and their options."""
    top: argparse.ArgumentParser = _Parser(
        prog="polyfeed", description="One exchange core, five exchanges' real-time APIs."
    )
    top.add_argument("--version", action="version", version=f"polyfeed {__version__}")
    verbs = top.add_subparsers(required=True, metavar="VERB")

    verb = _verb(verbs, "serve", "run the venue and its ports", "polyfeed serve --demo --tls self-signed")
    _configuration(verb)
    _venue_options(verb)
    verb.add_argument("--workers", type=int, metavar="N", help="gateways in processes of their own (default: none)")
    _listening(verb)
    verb.set_defaults(run=_serve)

    verb = _verb(
        verbs,
        "venue",
        "run the venue for gateways on a bus, without ports of its own",
        "polyfeed venue --bus nats://10.0.0.1,10.0.0.2,10.0.0.3 --standby",
    )
    _configuration(verb)
    _venue_options(verb)
    verb.add_argument("--bus", metavar="nats://HOST,…", help="NATS servers with JetStream")
    verb.add_argument(
        "--standby",
        action="store_true",
        help="follow the venue that there is and take over when it is gone; all venues of one bus say so, or none",
    )
    verb.set_defaults(run=_venue)

    verb = _verb(verbs, "gateway", "serve what a venue on a bus says", "polyfeed gateway --bus nats://10.0.0.1")
    _configuration(verb)
    verb.add_argument("--bus", metavar="nats://HOST,…", help="NATS servers with JetStream")
    _listening(verb)
    verb.set_defaults(run=_gateway)

    verb = _verb(
        verbs,
        "replay",
        "serve a recording as market data, or say what the venue was at a place in its journal",
        "polyfeed replay book.jsonl.gz trades.jsonl.gz --speed 10",
    )
    _configuration(verb)
    verb.add_argument("files", nargs="*", type=Path, metavar="FILE", help="recordings of one time, JSONL or JSONL.gz")
    verb.add_argument("--journal", type=Path, metavar="DIR", help="replay a venue's journal and print its state's hash")
    verb.add_argument("--until", type=int, metavar="SEQ", help="stop the replay of the journal after this batch")
    verb.add_argument("--dialect", default="kraken", help="whose messages they hold (default: %(default)s)")
    verb.add_argument("--once", action="store_true", help="stand still at the end instead of starting again")
    _listening(verb)
    verb.set_defaults(run=_replay)

    verb = _verb(verbs, "tap", "show a live channel in the terminal", "polyfeed tap kraken book XBT/USD --depth 10")
    _client(verb)
    verb.add_argument("symbol", help="market, as the dialect spells it")
    verb.add_argument("--raw", action="store_true", help="print the messages as they come")
    verb.set_defaults(run=lambda options: asyncio.run(tap.run(options)))

    verb = _verb(
        verbs,
        "record",
        "write a running server's stream to a file",
        "polyfeed record kraken book XBT/USD ETH/USD --depth 1000 --seconds 60 -o book.jsonl.gz",
    )
    _client(verb)
    verb.add_argument("symbols", nargs="+", metavar="SYMBOL", help="markets, as the dialect spells them")
    verb.add_argument("-o", "--output", type=Path, required=True, help="file to write; .gz is compressed")
    verb.set_defaults(run=lambda options: asyncio.run(record.run(options)))

    verb = _verb(
        verbs,
        "status",
        "tell all clients a status, or halt and reopen one market",
        "polyfeed status halted --instrument BTC-USD",
    )
    verb.add_argument(
        "text",
        help=f"for the whole venue {', '.join(STATUSES)}, or any text, which only Kraken's clients are told; "
        "for a market online, cancel_only, post_only, limit_only or halted",
    )
    verb.add_argument("--instrument", metavar="NAME", help="canonical name of one market")
    verb.add_argument("--url", default=OPERATOR_URL, help="the operator's port (default: %(default)s)")
    verb.set_defaults(run=status.run)

    verb = _verb(verbs, "account", "keep accounts and their keys", "polyfeed account fund alice USD 1000")
    account.add_verbs(verb.add_subparsers(required=True, metavar="ACTION"), OPERATOR_URL)

    verb = _verb(verbs, "fault", "do faults to connections on purpose", "polyfeed fault add kraken checksum --count 2")
    fault.add_verbs(verb.add_subparsers(required=True, metavar="ACTION"), OPERATOR_URL)

    verb = _verb(
        verbs, "journal", "look into a venue's journal", "polyfeed journal verify ~/.local/state/polyfeed/journal"
    )
    journal.add_verbs(verb.add_subparsers(required=True, metavar="ACTION"), _configuration, _load)

    verb = _verb(
        verbs,
        "snapshot",
        "make a snapshot of a journal's closed segments",
        "polyfeed snapshot /var/lib/polyfeed/journal",
    )
    _configuration(verb)
    verb.add_argument("directory", type=Path, metavar="DIR", help="the journal's directory; its venue may be running")
    verb.add_argument("--drop", action="store_true", help="drop what is not needed any more, as store.keep has it")
    verb.add_argument("--low-priority", action="store_true", help="leave the processor to others")
    verb.set_defaults(run=lambda options: journal.snapshot(_load(options), options), who="snapshot")

    verb = _verb(
        verbs,
        "doctor",
        "look whether this machine and the bus are as polyfeed wants them",
        "polyfeed doctor --bus nats://10.0.0.1,10.0.0.2,10.0.0.3 --standby",
    )
    _configuration(verb)
    verb.add_argument("--bus", metavar="nats://HOST,…", help="NATS servers to look at (default: this machine alone)")
    verb.add_argument("--standby", action="store_true", help="expect what a venue with a standby needs")
    verb.add_argument(
        "--monitor",
        action="append",
        default=[],
        metavar="URL",
        help="a server's monitoring port; may be repeated (default: port 8222 of each)",
    )
    verb.set_defaults(run=_doctor)

    verb = _verb(verbs, "cluster", "try out a venue and its gateways on a bus", "polyfeed cluster up --nodes 3")
    cluster.add_verbs(verb.add_subparsers(required=True, metavar="ACTION"))

    verb = _verb(verbs, "config", "show or check the configuration", "polyfeed config show --set kraken.profile=1.x")
    verb.add_argument("action", choices=["show", "check"], help="print all of it as TOML, or only say whether it holds")
    _configuration(verb)
    verb.add_argument("--secrets", action="store_true", help="show secrets, and passwords in URLs, too")
    verb.set_defaults(run=_config)
    return top


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, help: str, example: str
) -> argparse.ArgumentParser:
    return verbs.add_parser(name, help=help, description=help, epilog=f"example: {example}")


def _venue_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--demo", action="store_true", help="demo markets, accounts and flow")
    for name, help in (
        ("relay", "pass on what a running Peatio publishes there, in Ranger's place, and its variables count"),
        ("publish", "publish there what Peatio would"),
    ):
        verb.add_argument(
            f"--{name}", nargs="?", const="", metavar="AMQP_URL", help=f"{help} (default: as RABBITMQ_HOST etc. say)"
        )
    verb.add_argument(
        "--journal",
        metavar="DIR|off",
        help="where commands are recorded (default: below server.state_dir; off with --demo)",
    )
    verb.add_argument(
        "--store",
        metavar="sqlite|postgresql://…|off",
        help="where history is kept that people query (default: sqlite beside the journal)",
    )
    verb.add_argument(
        "--salvage",
        action="store_true",
        help="go on with what is before a damage in the journal, and put the rest aside",
    )


def _configuration(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--config", type=Path, metavar="FILE", help="TOML file")
    verb.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="set one key; may be repeated"
    )


def _listening(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    verb.add_argument("--tls", metavar="self-signed|FILE", help="listen on the TLS ports too")
    verb.add_argument("--tls-key", metavar="FILE", help="key of the certificate in --tls FILE")
    verb.add_argument("--speed", type=float, help="speed of the recorded flow, 0.1 to 100 (default: 1)")


def _client(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("dialect", choices=sorted(INBOUND), help="the exchange to speak as")
    verb.add_argument("channel", choices=["book", "trades"], help="what to listen to")
    verb.add_argument("--depth", type=int, default=10, help="levels a side of a book (default: %(default)s)")
    verb.add_argument("--url", help="server to connect to (default: the dialect's port on this machine)")
    verb.add_argument("--ca", type=Path, metavar="FILE", help="certificate to trust for wss")
    verb.add_argument("--token", default="", help="the dialect's token, where it has no stream without (account token)")
    verb.add_argument("--seconds", type=float, help="stop after so long")


def _load(options: argparse.Namespace) -> Config:
    """The configuration with the options that are short for a key on top of it."""
    short = {"host": "server.host", "tls": "server.tls", "tls_key": "server.tls_key", "speed": "flow.speed"}
    if options.run in (_serve, _venue):
        short |= {"journal": "store.journal", "store": "store.history", "workers": "server.workers"}
    if options.run in (_venue, _gateway, _doctor):
        short |= {"bus": "bus.url"}
    given = [f"{key}={value}" for name, key in short.items() if (value := getattr(options, name, None)) is not None]
    if getattr(options, "standby", False):
        given.append("bus.standby=true")
    demo = getattr(options, "demo", False)
    if demo:
        given.append("flow.demo=true")
    weak = ["http.faults=true"] if demo else []
    config = load(options.config, *ranger.with_brokers(os.environ, options, [*weak, *options.set, *given]))
    logs.configure(config.log, getattr(options, "who", ""))
    return config


def _serve(options: argparse.Namespace) -> int:
    return serve.serve(_load(options), salvage=options.salvage)


def _venue(options: argparse.Namespace) -> int:
    return bus_roles.venue(_load(options), salvage=options.salvage)


def _gateway(options: argparse.Namespace) -> int:
    return bus_roles.gateway(_load(options))


def _replay(options: argparse.Namespace) -> int:
    if options.journal is not None:
        return journal.replay(_load(options), options.journal, options.until)
    if not options.files:
        raise ValueError("give the recordings to serve, or --journal DIR")
    return asyncio.run(serve.replay(_load(options), options.dialect, options.files, loop=not options.once))


def _doctor(options: argparse.Namespace) -> int:
    return doctor(_load(options), options.monitor)


def _config(options: argparse.Namespace) -> int:
    config = _load(options)
    if options.action == "check":
        print("the configuration holds")
    elif options.secrets:
        print(as_toml(config))
    else:
        print(f"# secrets are masked without --secrets\n\n{toml_of(masked(config))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
