"""Credentials: which keys are valid, and whose they are. What makes a request authentic is checked where it arrives."""

from __future__ import annotations

from polyfeed.model.batches import ACCEPTED, Outcome
from polyfeed.model.commands import RevokeKey, SetKey
from polyfeed.model.enums import Refusal
from polyfeed.model.events import KeyRevoked, KeySet
from polyfeed.venue.draft import Draft
from polyfeed.venue.refused import Refused
from polyfeed.venue.state import State


def set_key(state: State, command: SetKey, draft: Draft) -> Outcome:
    """Makes a credential valid, or gives one of the account's own another verifier or other permissions."""
    account = state.account(command.account)
    if not command.key_id:
        raise Refused(Refusal.INVALID_TERMS, "a key needs an id; send one that no other key has")
    if state.keys.setdefault(command.key_id, account.id) != account.id:
        raise Refused(Refusal.ALREADY_EXISTS, f"key {command.key_id!r} is another account's; choose another id")
    draft.own(account.id).append(KeySet(command.key_id, command.scheme, command.verifier, command.permissions))
    return ACCEPTED


def revoke_key(state: State, command: RevokeKey, draft: Draft) -> Outcome:
    """Ends a credential. Its id is free again."""
    account = state.account(command.account)
    if state.keys.get(command.key_id) != account.id:
        raise Refused(
            Refusal.INVALID_TERMS, f"account {account.id} has no valid key {command.key_id!r}; name one that it has"
        )
    del state.keys[command.key_id]
    draft.own(account.id).append(KeyRevoked(command.key_id))
    return ACCEPTED
