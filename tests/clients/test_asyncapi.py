"""The AsyncAPI documents of the dialects: valid by the official JSON Schema, and true of what the dialects say."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from polyfeed.dialects.ekiden import asyncapi as ekiden
from polyfeed.dialects.rails import asyncapi as rails
from tests.dialects.ekiden import conversation as ekiden_conversation
from tests.dialects.rails.conversation import conversation

from .environments import HERE, NoNode, Say, environment

pytestmark = [pytest.mark.clients, pytest.mark.slow]


def check(document: dict[str, Any], messages: list[dict[str, Any]], say: Say) -> dict[str, Any]:
    try:
        program, variables = environment("asyncapi", say)
    except NoNode as error:
        pytest.skip(str(error))
    done = subprocess.run(
        [program, HERE / "asyncapi" / "check.js"],
        input=json.dumps({"document": document, "messages": messages}),
        env={"PATH": str(program.parent), **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_rails_is_valid_and_covers_every_message(say: Say) -> None:
    said = conversation()
    messages = [{"name": f"{one['message']}Request", "payload": one} for one in said.requests]
    messages += [{"name": one["resultType"], "payload": one} for one in said.messages]
    names = {one["name"] for one in messages}
    assert names == set(rails.document()["components"]["messages"])
    assert check(rails.document(), messages, say)["messages"] == len(messages) > 40


def test_ekiden_is_valid_and_covers_every_message(say: Say) -> None:
    said = ekiden_conversation.messages()
    messages = [{"name": ekiden_conversation.name_of(one), "payload": one} for one in said]
    names = {one["name"] for one in messages}
    described = ekiden.document(later=True)["components"]["messages"]
    assert names == {name for name in described if not name.endswith("Request")}
    assert check(ekiden.document(later=True), messages, say)["messages"] == len(messages) > 150
