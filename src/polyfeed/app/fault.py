"""`polyfeed fault`: faults on purpose, through the operator's port."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.table import Table

from polyfeed.app.operator_client import call, quoted
from polyfeed.dialects.registry import DIALECTS
from polyfeed.gateway.faults.terms import KINDS


def add(options: argparse.Namespace) -> int:
    """Sets a fault."""
    numbers = {name: getattr(options, name) for name in ("seconds", "ms", "count")}
    body = {"dialect": options.dialect, "kind": options.kind, "connection": options.connection, **numbers}
    made = call(options.url, "POST", "/api/faults", body)
    print(f"fault {made['id']} {made['kind']}, done to {', '.join(made['connections'])}")
    return 0


def show(options: argparse.Namespace) -> int:
    """Lists the faults in force, or the connections."""
    if options.connections:
        table = Table("connection", "dialect", "account", "waiting", "subscriptions")
        for one in call(options.url, "GET", "/api/connections"):
            account = str(one["account"] or "")
            subscriptions = ", ".join(one["subscriptions"])
            table.add_row(one["id"], one["dialect"], account, str(one["waiting_bytes"]), subscriptions)
    else:
        table = Table("fault", "kind", "dialect", "connections", "altered")
        for one in call(options.url, "GET", "/api/faults"):
            table.add_row(str(one["id"]), one["kind"], one["dialect"], "\n".join(one["connections"]), str(one["hits"]))
    Console().print(table)
    return 0


def clear(options: argparse.Namespace) -> int:
    """Ends one fault, or all."""
    call(options.url, "DELETE", f"/api/faults/{quoted(options.fault)}" if options.fault else "/api/faults")
    print(f"fault {options.fault} has ended" if options.fault else "all faults have ended")
    return 0


def add_verbs(verbs: argparse._SubParsersAction[argparse.ArgumentParser], url: str) -> None:
    """The actions of `polyfeed fault`."""
    action = _action(verbs, "add", "do a fault to open connections", add, url, "polyfeed fault add kraken checksum")
    action.add_argument("dialect", choices=["all", *DIALECTS], help="whose connections")
    action.add_argument("kind", choices=KINDS, help="what is done to them")
    action.add_argument("--connection", metavar="ID", help="one connection (fault list --connections); default: all")
    action.add_argument("--seconds", type=float, help="how long; default: until it is cleared")
    action.add_argument("--ms", type=int, help="by how much everything is late (delay)")
    action.add_argument("--count", type=int, help="messages to alter (drop, checksum, duplicate; default: 1)")
    action = _action(verbs, "list", "list the faults in force", show, url, "polyfeed fault list --connections")
    action.add_argument("--connections", action="store_true", help="list the open connections in their place")
    action = _action(verbs, "clear", "end a fault, or all", clear, url, "polyfeed fault clear 3")
    action.add_argument("fault", nargs="?", default="", help="its number; default: all")


def _action(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    text: str,
    run: object,
    url: str,
    example: str,
) -> argparse.ArgumentParser:
    action = verbs.add_parser(name, help=text, description=text, epilog=f"example: {example}")
    action.add_argument("--url", default=url, help="the operator's port (default: %(default)s)")
    action.set_defaults(run=run)
    return action
