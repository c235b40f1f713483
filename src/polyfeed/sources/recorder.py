"""Writes the raw messages of a connection to a file that `captures.read_frames` reads: what `polyfeed record` does."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType

from polyfeed.sources.captures import Direction, open_binary


class CaptureWriter:
    """Writes such a file. Use it as a context, or call `close`."""

    def __init__(self, path: Path) -> None:
        self._file = open_binary(path, "wb")

    def write(self, ts: int, direction: Direction, text: str) -> None:
        """Adds a message that was received or sent at `ts`, in microseconds since the epoch."""
        line = f'{{"t": {ts // 1_000_000}.{ts % 1_000_000:06}, "dir": "{direction}", "m": {json.dumps(text)}}}\n'
        self._file.write(line.encode())

    def flush(self) -> None:
        """Brings everything written so far to the file, so that it survives a sudden end."""
        self._file.flush()

    def close(self) -> None:
        """Ends the file."""
        self._file.close()

    def __enter__(self) -> CaptureWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
