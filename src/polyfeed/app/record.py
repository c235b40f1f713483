"""`polyfeed record`: writes a running server's stream to a file that `polyfeed replay` plays."""

from __future__ import annotations

import argparse
import time

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from polyfeed.app.tap import stream_of
from polyfeed.dialects.registry import INBOUND
from polyfeed.sources.recorder import CaptureWriter

FLUSH_SECONDS = 1.0


async def run(options: argparse.Namespace) -> int:
    """Records until interrupted, or for the time given. What came before the end is in the file in any case."""
    stream, requests = stream_of(options, INBOUND[options.dialect](), options.symbols)
    columns = (SpinnerColumn(), TextColumn("{task.completed} messages"), TimeElapsedColumn())
    with CaptureWriter(options.output) as writer, Progress(*columns, console=Console(stderr=True)) as progress:
        count = progress.add_task("recording", total=None)
        for request in requests:
            writer.write(time.time_ns() // 1000, "c2s", request)
        flushed = time.monotonic()
        async for text in stream:
            writer.write(time.time_ns() // 1000, "s2c", text)
            progress.advance(count)
            if time.monotonic() - flushed >= FLUSH_SECONDS:
                flushed = time.monotonic()
                writer.flush()
    return 0
