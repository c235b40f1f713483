"""How a check stops a command before anything has changed."""

from __future__ import annotations

from polyfeed.model.enums import Refusal


class Refused(Exception):
    """The command cannot be done. `detail` says what was wrong with which value, and what to do instead."""

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.refusal = refusal
        self.detail = detail
