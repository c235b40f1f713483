"""Files with the raw messages of a connection, as `polyfeed record` writes them.

One JSON object per line: `{"t": seconds, "dir": "s2c" | "c2s", "m": "text"}`, where `t` is when the message was
received or sent. Files whose name ends in `.gz` are compressed. A recording that was cut off is played as far as it
goes.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import IO, Literal, NamedTuple, cast

import msgspec

Direction = Literal["s2c", "c2s"]


class Frame(NamedTuple):
    """One message: when it was received or sent (microseconds since the epoch), whether by the server, and its text."""

    ts: int
    from_server: bool
    text: str


class _Line(msgspec.Struct):
    t: float
    dir: Direction
    m: str


_line_decoder = msgspec.json.Decoder(_Line)


def read_frames(path: Path) -> Iterator[Frame]:
    """The frames of a file, in order, read as they are taken.

    Raises ValueError, naming the place, for a line that is none; only the last may be incomplete.
    """
    with open_binary(path, "rb") as lines:
        for number, line in _whole_lines(lines):
            try:
                frame = _line_decoder.decode(line)
            except msgspec.MsgspecError as error:
                raise ValueError(f"{path}, line {number}: {error}") from error
            yield Frame(round(frame.t * 1_000_000), frame.dir == "s2c", frame.m)


def open_binary(path: Path, mode: Literal["rb", "wb"]) -> IO[bytes]:
    """Opens a file that is compressed if its name ends in `.gz`."""
    return cast(IO[bytes], gzip.open(path, mode)) if path.suffix == ".gz" else path.open(mode)


def _whole_lines(lines: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Numbered lines up to where the file ends or was cut."""
    try:
        for number, line in enumerate(lines, 1):
            if line.endswith(b"\n"):
                yield number, line
    except EOFError:
        return


def shipped_captures() -> list[Path]:
    """The recordings of Kraken's book and trade channels that come with polyfeed: the same 119 s, 10 pairs."""
    folder = Path(str(files("polyfeed"))) / "data" / "kraken" / "captures"
    return [folder / f"v1.8.3_2021-04-05_{channel}_10pairs.jsonl.gz" for channel in ("book-1000", "trade")]


SHIPPED_SYMBOLS = (
    "ALGO/XBT",
    "LSK/USD",
    "USDC/GBP",
    "FIL/XBT",
    "WAVES/ETH",
    "ICX/USD",
    "AUD/USD",
    "KAVA/USD",
    "DASH/EUR",
    "XBT/USD",
)
"""Kraken's names of the pairs in `shipped_captures`."""
