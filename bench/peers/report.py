"""The table and the plot of a run, as `docs/performance.md` and `docs/performance.svg`."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Sequence
from html import escape
from pathlib import Path

from bench.native import ROOT, Latency
from bench.peers.measure import Plan, Row

DOCS = ROOT / "docs"
BAR, LEFT, WIDTH = 18, 190, 760

HEAD = """# Performance

Made by `make bench ARGS=peers` on {date}: {machine}; load average {load:.1f} at the start.

The server has one CPU, one compiled client the other; loopback; messages of 200 bytes, each one write to each
connection unless ten are published together. Ratios are CPU of the server's processes for each frame that arrived, C's
by the server's: 1.00 is as good as a plain C loop of `send()` over the same number of sockets in the same minute, more
is better. Differences under about 15 % are noise. Latency is from the time at which a message should have been sent, so
a server that falls behind shows it.

"polyfeed" is the gateway with plain topics; "polyfeed, Kraken book-10" the whole way from an order through the venue
and the market to frames of about 110 bytes. A server that writes several messages at once by itself, as nchan does
under load, gains by it in the first columns. [profile.md](profile.md) says where a frame's time goes.

![CPU per frame, relative to C](performance.svg)
"""


def write(plan: Plan, rows: Sequence[Row], load: float, folder: Path = DOCS) -> None:
    """Writes both files."""
    machine = f"{os.cpu_count()} CPUs, {platform.system()} {platform.release()}, Python {platform.python_version()}"
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    text = HEAD.format(date=date, machine=machine, load=load) + "\n" + table(plan, rows)
    (folder / "performance.md").write_text(text, encoding="utf-8")
    (folder / "performance.svg").write_text(plot(plan, rows), encoding="utf-8")


def table(plan: Plan, rows: Sequence[Row]) -> str:
    """All columns in Markdown."""
    sizes = plan.sizes
    heads = ["one message a write, frames/s, ratio of CPU"]
    heads += [f"{size:,} connections" for size in sizes]
    heads += [
        f"ten at once, {plan.main:,}",
        f"{plan.topics:,} topics, ratio",
        f"ms at {plan.rate:g}/s to {plan.main:,}: p50 / p99 / p99.9",
        f"KiB each, idle, {sizes[-1]:,}",
    ]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in rows:
        cells = [row.name]
        if row.missing:
            cells += [f"not measured: {row.missing}"] + [""] * (len(heads) - 2)
        else:
            cells += [f"{row.hot[size].frames_per_second:,.0f}, {row.hot_ratio[size]:.2f}" for size in sizes]
            cells.append(f"{row.joined or 0:,.0f}, {row.joined_ratio or 0:.2f}")
            cells.append("" if row.topics_ratio is None else f"{row.topics_ratio:.2f}")
            cells.append(times(row.latency))
            cells.append(f"{row.kibibytes[sizes[-1]]:.1f}" if sizes[-1] in row.kibibytes else "")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def times(latency: Latency | None) -> str:
    """Percentiles in milliseconds."""
    if latency is None or not latency.count:
        return ""
    return " / ".join(f"{us / 1000:.1f}" for us in (latency.p50_us, latency.p99_us, latency.p99_9_us))


def plot(plan: Plan, rows: Sequence[Row]) -> str:
    """Bars: the ratio of CPU per frame to C, one message a write and ten."""
    shown = [row for row in rows if not row.missing]
    longest = max([1.0, *(row.hot_ratio[plan.main] for row in shown), *(row.joined_ratio or 0 for row in shown)])
    unit = (WIDTH - LEFT - 60) / longest
    height = 40 + len(shown) * (2 * BAR + 10)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="13"><rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="20"><tspan fill="#1f6feb">one message a write</tspan>, '
        f'<tspan fill="#8250df">ten at once</tspan>: CPU per frame, C = 1, {plan.main:,} connections</text>',
    ]
    for place, row in enumerate(shown):
        top = 34 + place * (2 * BAR + 10)
        parts.append(f'<text x="{LEFT - 8}" y="{top + BAR + 4}" text-anchor="end">{escape(row.name)}</text>')
        for line, (value, colour) in enumerate(((row.hot_ratio[plan.main], "#1f6feb"), (row.joined_ratio, "#8250df"))):
            size = (value or 0) * unit
            y = top + line * BAR
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{size:.1f}" height="{BAR - 2}" fill="{colour}"/>')
            parts.append(f'<text x="{LEFT + size + 5:.1f}" y="{y + BAR - 5}">{value or 0:.2f}</text>')
    x = LEFT + unit
    parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="28" y2="{height - 6}" stroke="#d1242f" stroke-dasharray="4 3"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"
