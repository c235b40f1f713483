"""Messages that clients might send and none should: those of the transcripts, bent by a seeded generator."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

TRANSCRIPTS = Path(__file__).parents[1] / "dialects"
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 1 << 53, 1 << 64, -(1 << 63), 10**400, 0.1, -0.0, 1e308, "", " ", "0", "-1", "1e999",
    "NaN", "\x00", "\ud800", "é" * 50, "x" * 2000, [], {}, [[]], {"": None}, [None] * 50, "XBT/USD", "BTC-USD", "btcusd",
]  # fmt: skip
GARBAGE = ["", "[", "{", "null", "0", '"', "[" * 2000, "{}" * 50, '{"a":' * 500, "\x00", "ping", "\n", "\ufeff{}"]


class Fuzzer:
    """An endless supply of messages for one dialect."""

    def __init__(self, dialect: str, seed: int) -> None:
        self._dice = random.Random(f"{dialect} {seed}")
        lines = (
            line[2:]
            for file in sorted((TRANSCRIPTS / dialect / "transcripts").glob("*.txt"))
            for line in file.read_text(encoding="utf-8").splitlines()
        )
        marked = [line for line in lines if line.startswith("{")]
        self._seeds = sorted(set(marked))
        assert len(self._seeds) > 5
        self._trees = [json.loads(line) for line in self._seeds if is_json(line)]

    def next(self) -> str | bytes:
        dice = self._dice
        match dice.randrange(10):
            case 0:
                return dice.choice(GARBAGE)
            case 1:
                return dice.randbytes(dice.randrange(200))
            case 2 | 3:
                return self._bent_text(dice.choice(self._seeds))
            case 4:
                return dice.choice(self._seeds)
        try:
            return json.dumps(self._bent(dice.choice(self._trees), 0), ensure_ascii=dice.random() < 0.5)
        except ValueError:  # an integer with more digits than Python prints
            return "1" * 5000

    def _bent_text(self, text: str) -> str:
        dice = self._dice
        for _ in range(dice.randrange(1, 4)):
            place = dice.randrange(len(text) + 1)
            match dice.randrange(3):
                case 0:
                    text = text[:place] + text[place + dice.randrange(4) :]
                case 1:
                    text = (
                        text[:place]
                        + dice.choice(["0", '"', "{", "]", ",", "\\", "\x1f", "é", "9" * 30])
                        + text[place:]
                    )
                case 2:
                    text = text[:place] * 2 + text[place:]
        return text

    def _bent(self, tree: Any, depth: int) -> Any:
        dice = self._dice
        if dice.random() < 0.12 + 0.1 * depth:
            return dice.choice(ODD)
        if isinstance(tree, dict):
            bent = {key: self._bent(value, depth + 1) for key, value in tree.items() if dice.random() < 0.95}
            if bent and dice.random() < 0.1:
                bent[dice.choice(["", "x", *bent])] = dice.choice(ODD)
            return bent
        if isinstance(tree, list):
            return [self._bent(value, depth + 1) for value in tree] * dice.choice([1, 1, 1, 2, 20])
        return tree


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
