"""Endpoints by which an operator keeps accounts, and by which a user sees its own."""

from __future__ import annotations

import secrets

from polyfeed.accounts.account import Account
from polyfeed.accounts.vault import NONCE_BYTES
from polyfeed.app.api import schemas
from polyfeed.app.api.endpoints import Call, Endpoint, Problem, number_in, scaled
from polyfeed.model.commands import Deposit, OpenAccount, RevokeKey, SetKey
from polyfeed.model.numbers import format_scaled

FIRST_ACCOUNT = 1001
"""Numbers below are the house's."""

ED25519_BYTES = 32


async def accounts(call: Call) -> list[schemas.AccountView]:
    """Every account."""
    return [view(account) for account in call.server.accounts.all()]


async def open_account(call: Call) -> schemas.AccountView:
    """Opens an account under the next number. One at a time: the next number is free until the venue has decided."""
    async with call.server.opening:
        return await open_next(call)


async def open_next(call: Call) -> schemas.AccountView:
    """Opens an account; nobody else does meanwhile."""
    known = call.server.accounts.all()
    if number_in(call.body.name) is not None:
        raise Problem(400, f"the name {call.body.name!r} would be taken for a number; choose another")
    if any(account.name == call.body.name for account in known):
        raise Problem(409, f"there is an account {call.body.name!r}; choose another name")
    number = max([FIRST_ACCOUNT - 1, *(account.account_id for account in known)]) + 1
    await call.server.carry_out(OpenAccount(number, call.body.name, parent=call.body.parent, tier=call.body.tier))
    return view(find(call, str(number)))


async def transfer(call: Call) -> list[schemas.BalanceView]:
    """Pays in or out."""
    account = find(call, call.path["account"])
    currency = call.server.market.currencies.get(call.body.currency)
    if currency is None:
        raise Problem(404, f"there is no currency {call.body.currency!r}")
    amount = scaled("amount", call.body.amount, currency.scale)
    await call.server.carry_out(Deposit(account.account_id, currency.code, amount))
    return balances_of(call, account)


async def make_key(call: Call) -> schemas.KeyView:
    """Makes a key. What is kept of its secret is encrypted under the venue's master key."""
    account, wanted = find(call, call.path["account"]), call.body
    if wanted.scheme == "ed25519":
        key_id, secret, verifier = wanted.public_key.removeprefix("0x").lower(), "", public_bytes(wanted.public_key)
    else:
        key_id, secret = secrets.token_hex(16), secrets.token_urlsafe(32)
        verifier = call.server.vault.seal(secret.encode(), key_id, secrets.token_bytes(NONCE_BYTES))
    await call.server.carry_out(SetKey(account.account_id, key_id, wanted.scheme, verifier, wanted.permissions))
    return schemas.KeyView(key_id, secret, list(wanted.permissions))


def public_bytes(text: str) -> bytes:
    """An Ed25519 public key from hexadecimal text. Raises Problem 400."""
    try:
        key = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        key = b""
    if len(key) != ED25519_BYTES:
        raise Problem(400, f"public_key must be {ED25519_BYTES} bytes in hexadecimal")
    return key


async def revoke_key(call: Call) -> schemas.Accepted:
    """Ends a key."""
    account = find(call, call.path["account"])
    await call.server.carry_out(RevokeKey(account.account_id, call.path["key"]))
    return schemas.Accepted(0)


async def make_token(call: Call) -> schemas.TokenView:
    """Makes a dialect's token for an account."""
    account = find(call, call.path["account"])
    fan = call.server.fans.get(call.body.dialect)
    if fan is None:
        raise Problem(404, f"there is no dialect {call.body.dialect!r}; there are {', '.join(call.server.fans)}")
    token = fan.dialect.token(call.server.now(), account)
    if token is None:
        raise Problem(409, f"{call.body.dialect} has no tokens here")
    return schemas.TokenView(token)


async def own_balances(call: Call) -> list[schemas.BalanceView]:
    """The balances of the key's account."""
    return balances_of(call, call.account)


def balances_of(call: Call, account: Account) -> list[schemas.BalanceView]:
    """An account's balances, by currency."""
    views = []
    for code, balance in sorted(account.balances.items()):
        scale = call.server.market.currencies[code].scale
        numbers = (balance.total, balance.held, balance.available)
        views.append(schemas.BalanceView(code, *(format_scaled(number, scale) for number in numbers)))
    return views


def find(call: Call, text: str) -> Account:
    """An account by its number or name. Raises Problem 404."""
    known = call.server.accounts
    number = number_in(text)
    account = known.by_name(text) if number is None else known.get(number)
    if account is None:
        raise Problem(404, f"there is no account {text!r}; GET /api/accounts lists them")
    return account


def view(account: Account) -> schemas.AccountView:
    """An account for the wire."""
    return schemas.AccountView(
        account.account_id, account.name, account.parent, account.tier, account.house, sorted(account.keys)
    )


ENDPOINTS = [
    Endpoint("GET", "/api/accounts", "Every account", accounts, list[schemas.AccountView], "operator"),
    Endpoint(
        "POST", "/api/accounts", "Open an account", open_account, schemas.AccountView, "operator", schemas.NewAccount,
        status=201,
    ),
    Endpoint(
        "POST", "/api/accounts/{account}/transfers", "Pay in or out", transfer, list[schemas.BalanceView], "operator",
        schemas.Transfer,
    ),
    Endpoint(
        "POST", "/api/accounts/{account}/keys", "Make a key; its secret is shown once", make_key, schemas.KeyView,
        "operator", schemas.NewKey, status=201,
    ),
    Endpoint(
        "DELETE", "/api/accounts/{account}/keys/{key}", "Revoke a key", revoke_key, schemas.Accepted, "operator",
    ),
    Endpoint(
        "POST", "/api/accounts/{account}/tokens", "Make a dialect's token", make_token, schemas.TokenView, "operator",
        schemas.NewToken, status=201,
    ),
    Endpoint("GET", "/api/balances", "The key's balances", own_balances, list[schemas.BalanceView], "read"),
]  # fmt: skip
