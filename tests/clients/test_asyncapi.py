"""The AsyncAPI document of the Rails dialect: valid by the official JSON Schema, and true of what the dialect says."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from polyfeed.dialects.rails.asyncapi import document
from tests.dialects.rails.conversation import conversation

from .environments import HERE, NoNode, Say, environment

pytestmark = [pytest.mark.clients, pytest.mark.slow]


def check(messages: list[dict[str, Any]], say: Say) -> dict[str, Any]:
    try:
        program, variables = environment("asyncapi", say)
    except NoNode as error:
        pytest.skip(str(error))
    done = subprocess.run(
        [program, HERE / "asyncapi" / "check.js"],
        input=json.dumps({"document": document(), "messages": messages}),
        env={"PATH": str(program.parent), **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_document_is_valid_and_covers_every_message(say: Say) -> None:
    said = conversation()
    messages = [{"name": f"{one['message']}Request", "payload": one} for one in said.requests]
    messages += [{"name": one["resultType"], "payload": one} for one in said.messages]
    names = {one["name"] for one in messages}
    assert names == set(document()["components"]["messages"])
    assert check(messages, say)["messages"] == len(messages) > 40
