"""What fails is tried again, and each reason is said once."""

from __future__ import annotations

import pytest

from polyfeed.bus import again
from polyfeed.bus.again import MOST_SAID, until_done


class Attempts:
    """Fails for these reasons, one after the other, then gives 7."""

    def __init__(self, *reasons: Exception) -> None:
        self.left = [*reasons]
        self.said: list[str] = []

    async def __call__(self) -> int:
        if self.left:
            raise self.left.pop(0)
        return 7

    async def done(self) -> int:
        return await until_done(self, (OSError, KeyError), 0.0, self.said.append)


async def test_each_reason_is_said_once() -> None:
    away, full = OSError("away"), OSError("full")
    attempts = Attempts(away, away, full, away, TimeoutError(), full)
    assert await attempts.done() == 7
    assert attempts.said == ["away", "full", "TimeoutError"]


async def test_what_is_no_failure_is_raised() -> None:
    attempts = Attempts(OSError("away"), ValueError("a fault of ours"))
    with pytest.raises(ValueError, match="ours"):
        await attempts.done()


async def test_reasons_that_never_repeat_do_not_pile_up() -> None:
    attempts = Attempts(*(OSError(str(number)) for number in range(MOST_SAID + 10)))
    await attempts.done()
    assert len(attempts.said) == MOST_SAID


async def test_waits_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(again.asyncio, "sleep", sleep)
    attempts = Attempts(*(OSError("away") for _ in range(50)))
    assert await until_done(attempts, (OSError,), 2.0, attempts.said.append) == 7
    assert all(1.0 <= one <= 2.0 for one in waits)
    assert len(set(waits)) > 1
