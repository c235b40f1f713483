"""Everything that is said in the transcripts, as requests and messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.transcripts import scenes

FOLDER = Path(__file__).parent / "transcripts"


def requests() -> list[dict[str, Any]]:
    """What clients asked and was answered without an error of form."""
    found = []
    for scene in scenes(FOLDER):
        for line in scene.lines:
            if line.mark == ">" and line.who != "rest":
                try:
                    message = json.loads(line.text)
                except ValueError:
                    continue
                if isinstance(message, dict):
                    found.append(message)
    return found


def messages() -> list[dict[str, Any]]:
    """What servers said on sockets."""
    return [
        json.loads(line.text)
        for scene in scenes(FOLDER)
        for line in scene.lines
        if line.mark == "<" and line.who != "rest" and line.text != "<ping>"
    ]


def name_of(message: dict[str, Any]) -> str:
    """The name that a server's message has in the AsyncAPI document."""
    if message["op"] == "event":
        return f"{message['topic'].partition('.')[0]}Event"
    return f"{message['op']}Reply"
