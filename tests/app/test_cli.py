"""The command line's words to somebody who mistypes, or asks where nobody answers."""

from __future__ import annotations

import pytest

from polyfeed.app import status
from polyfeed.app.cli import main


@pytest.mark.parametrize(
    ("words", "usage", "says"),
    [
        (["sevre"], "usage: polyfeed [-h]", "did you mean serve?"),
        (["journal", "verfy", "x"], "usage: polyfeed journal [-h]", "did you mean verify?"),
        (["serve", "--jornal", "x"], "usage: polyfeed serve [-h]", "--jornal x; did you mean --journal?"),
        (["journal", "dump", "x", "--frist=2"], "usage: polyfeed journal dump [-h]", "did you mean --first?"),
        (["serve", "--quux"], "usage: polyfeed serve [-h]", "unrecognized arguments: --quux\n"),
        (["cluster", "up", "--nodes", "2"], "usage: polyfeed cluster up [-h]", "invalid choice: 2"),
    ],
)
def test_a_word_that_is_not_known(words: list[str], usage: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith(usage)
    assert says in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["nonsense"],
            "'nonsense' is a text of your own: Kraken's clients are told it, the others have no word for it\n",
        ),
        (["halted"], "; to halt a market give --instrument NAME\n"),
        (["maintenance"], ""),
        (["halted", "--instrument", "BTC-USD"], ""),
    ],
)
def test_a_status_that_no_dialect_knows_is_told_and_said(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    monkeypatch.setattr(status, "call", lambda *arguments: calls.append(arguments[3]))
    assert main(["status", *words]) == 0
    assert calls == [{"status": words[0]}]
    said = capsys.readouterr().err
    assert said.endswith(says) if says else said == ""


def test_where_nobody_answers_it_is_said_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "online", "--url", "http://127.0.0.1:1"]) == 1
    said = capsys.readouterr().err
    assert "no server answers at http://127.0.0.1:1: " in said
    assert said.endswith("(is the server running? try `make run`)\n")
