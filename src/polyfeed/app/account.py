"""`polyfeed account`: accounts and their keys, kept through the operator's port."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.table import Table

from polyfeed.app.operator_client import call, quoted


def create(options: argparse.Namespace) -> int:
    """Opens an account."""
    parent = 0
    if options.parent:
        parent = find(options.url, options.parent)["id"]
    body = {"name": options.name, "parent": parent, "tier": options.tier}
    made = call(options.url, "POST", "/api/accounts", body)
    print(f"account {made['id']} {made['name']}")
    return 0


def show(options: argparse.Namespace) -> int:
    """Lists the accounts."""
    table = Table("id", "name", "parent", "tier", "keys")
    for one in call(options.url, "GET", "/api/accounts"):
        table.add_row(str(one["id"]), one["name"], str(one["parent"] or ""), one["tier"], ", ".join(one["keys"]))
    Console().print(table)
    return 0


def fund(options: argparse.Namespace) -> int:
    """Pays in, or out with a negative amount; shows the balances."""
    body = {"currency": options.currency, "amount": options.amount}
    for one in call(options.url, "POST", f"/api/accounts/{quoted(options.account)}/transfers", body):
        print(f"{one['currency']:<6} {one['total']:>24} of which held {one['held']}")
    return 0


def key(options: argparse.Namespace) -> int:
    """Makes a key and shows its secret, this once."""
    body: dict[str, object] = {"permissions": ["read"] if options.read_only else ["read", "trade"]}
    if options.public_key:
        body |= {"scheme": "ed25519", "public_key": options.public_key}
    made = call(options.url, "POST", f"/api/accounts/{quoted(options.account)}/keys", body)
    print(f"key    {made['key']}")
    if made["secret"]:
        print(f"secret {made['secret']}  (shown this once)")
    return 0


def revoke(options: argparse.Namespace) -> int:
    """Ends a key."""
    call(options.url, "DELETE", f"/api/accounts/{quoted(options.account)}/keys/{quoted(options.key)}")
    print(f"key {options.key} is revoked")
    return 0


def token(options: argparse.Namespace) -> int:
    """Prints a dialect's token for an account."""
    path = f"/api/accounts/{quoted(options.account)}/tokens"
    print(call(options.url, "POST", path, {"dialect": options.dialect})["token"])
    return 0


def find(url: str, text: str) -> dict[str, int]:
    """An account by number or name. Raises ValueError."""
    for one in call(url, "GET", "/api/accounts"):
        if text in {one["name"], str(one["id"])}:
            found: dict[str, int] = one
            return found
    raise ValueError(f"there is no account {text!r}; `polyfeed account list` lists them")


def add_verbs(verbs: argparse._SubParsersAction[argparse.ArgumentParser], url: str) -> None:
    """The actions of `polyfeed account`."""
    action = _action(verbs, "create", "open an account", create, url)
    action.add_argument("name", help="its name")
    action.add_argument("--parent", help="number or name of the main account it is a sub-account of")
    action.add_argument("--tier", default="", help="name of its quotas")
    _action(verbs, "list", "list the accounts", show, url)
    action = _action(verbs, "fund", "pay in, or out with a negative amount", fund, url)
    action.add_argument("account", help="number or name")
    action.add_argument("currency", help="code, such as USD")
    action.add_argument("amount", help="decimal number")
    action = _action(verbs, "key", "make a key; its secret is shown once", key, url)
    action.add_argument("account", help="number or name")
    action.add_argument("--read-only", action="store_true", help="a key that may not trade")
    action.add_argument("--public-key", help="Ed25519 public key in hexadecimal, in place of a secret")
    action = _action(verbs, "token", "print a dialect's token for an account", token, url)
    action.add_argument("account", help="number or name")
    action.add_argument("--dialect", required=True, help="the exchange whose token it is")
    action = _action(verbs, "revoke", "end a key", revoke, url)
    action.add_argument("account", help="number or name")
    action.add_argument("key", help="the key's id")


def _action(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, run: object, url: str
) -> argparse.ArgumentParser:
    action = verbs.add_parser(name, help=text, description=text)
    action.add_argument("--url", default=url, help="the operator's port (default: %(default)s)")
    action.set_defaults(run=run)
    return action
