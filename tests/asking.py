"""History's part in tests of a dialect: questions are answered from memory, or from whatever is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from polyfeed.dialects._base.rest import RestAnswer, RestAsk, RestResponse, RestSubmit
from polyfeed.model.history import Query

Ask = Callable[[Query], Sequence[Any]]


def informed(answer: RestAnswer, ask: Ask) -> RestResponse | RestSubmit:
    """What an answer comes to when its questions are answered."""
    while isinstance(answer, RestAsk):
        answer = answer.reply(ask(answer.query))
    return answer
