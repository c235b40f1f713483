"""What holds for every dialect when the gateway cannot vouch for what it knows; the words are in transcripts/stale.txt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from polyfeed.dialects._base.closes import BEHIND, LOST
from polyfeed.dialects.bitstamp.rest_refusals import TEMPORARY as BITSTAMP
from polyfeed.dialects.ekiden.rest_values import CallRefused
from polyfeed.dialects.rails import spec as rails
from polyfeed.dialects.registry import DIALECTS
from polyfeed.model.batches import Outcome
from polyfeed.model.enums import Refusal
from tests.dialects.ekiden.rig import Rig as EkidenRig
from tests.dialects.ekiden.rig import instrument, public_key, sign
from tests.dialects.rails.rig import Client
from tests.dialects.rails.rig import Rig as RailsRig
from tests.stale import WORDS
from tests.transcripts import scenes

TEMPORARY = {one for one in Refusal if one.temporary}
OWN_WORDS = {"kraken": '"status":"maintenance"', "bitstamp": "bts:request_reconnect"}


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_has_a_transcript_of_every_word_and_close(name: str) -> None:
    lines = [line for scene in scenes(Path(__file__).parent / name / "transcripts") for line in scene.lines]
    assert set(WORDS) - {"recover"} <= {line.text for line in lines if line.mark == "!"}
    said = [line.text for line in lines if line.mark in "<x"]
    behind, lost = (any(text == f"{one.code} {one.reason}" for text in said) for one in (BEHIND, LOST))
    if name in OWN_WORDS:
        assert not behind
        assert any(OWN_WORDS[name] in text for text in said)
    else:
        assert behind
    assert lost == (name != "bitstamp")


def test_every_dialect_with_orders_has_words_for_what_is_no_fault_of_a_command() -> None:
    assert {Refusal.STORE_UNAVAILABLE, Refusal.VENUE_AWAY, Refusal.OUTCOME_UNKNOWN} == TEMPORARY
    assert set(BITSTAMP) == set(rails.TEMPORARY) == TEMPORARY
    assert rails.TEMPORARY.items() <= rails.REFUSALS.items()
    assert rails.TEMPORARY.items() <= rails.LEVERAGE_REFUSALS.items()
    for refusal in TEMPORARY:
        assert CallRefused.of(Outcome(refusal)).response().status == 503
        assert BITSTAMP[refusal].status == 503
    assert len({str(one.body) for one in BITSTAMP.values()}) == len(TEMPORARY)


def test_a_key_of_rails_that_was_revoked_in_a_gap_ends_its_connection() -> None:
    rig = RailsRig("BTC-USD")
    client, other = (rig.connect(account, subscriptions="") for account in (1001, 1002))
    assert isinstance(client, Client)
    assert isinstance(other, Client)
    account = rig.accounts.get(1001)
    assert account is not None
    account.keys.clear()
    rig.fan.resync()
    assert client.closed == rails.CLOSE_REVOKED
    assert other.closed is None


def test_a_key_of_ekiden_that_was_revoked_in_a_gap_ends_its_connection() -> None:
    rig = EkidenRig()
    rig.list(instrument(0, "BTC-USDC"))
    clients = []
    for account in (1001, 1002):
        rig.user(account)
        clients.append(rig.connect("/ws/private"))
        ms = rig.now // 1000
        login: dict[str, Any] = {"public_key": public_key(account), "timestamp_ms": ms, "nonce": "one"}
        login["signature"] = sign(account, f"AUTHORIZE|{ms}|one")
        token = json.loads(rig.rest("POST", "/api/v1/authorize", json.dumps(login).encode()).body)["token"]
        rig.receive(clients[-1], json.dumps({"op": "auth", "bearer": token}))
        clients[-1].take()
    rig.accounts._key_owners.pop(public_key(1001))
    rig.tell("resync")
    assert clients[0].take() == ['{"op":"error","message":"INVALID_TOKEN"}']
    assert clients[0].closed == (4401, "the token or key is no longer valid")
    assert clients[1].closed is None
    assert clients[1].take() == []
