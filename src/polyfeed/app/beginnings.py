"""Whether a server may go on with a journal, which begins with the setup of whoever began it.

All that speaks against it is found before anything is written: what a demo writes, the keys among it whose secrets
everybody knows, could not be taken out of another journal again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path

from polyfeed.accounts.accounts import Accounts
from polyfeed.app.config import FlowSection
from polyfeed.app.demo_keys import demo_keys_in
from polyfeed.app.flow import demo_flow
from polyfeed.app.store import Store
from polyfeed.market.market import Market
from polyfeed.model.commands import AnyCommand, ListInstrument
from polyfeed.store.segments import Segment, name_of, paths_in

KEYS_NAMED = 4
"""In an error, at most."""


def check_journal(store: Store, setup: Sequence[AnyCommand], *, demo: bool) -> None:
    """Whether a server with this setup may go on with the journal of a store. Nothing is written.

    Raises ValueError, Damaged, OSError.
    """
    replica, directory = store.replica, store.directory
    if not demo:
        _check_keys(directory, replica.accounts)
        _check_finished(directory, replica.history.records, replica.market)
    if 0 < replica.history.records < len(setup):
        _check_beginning(directory, replica.history.records, setup)
    elif replica.history.records:
        _check_markets(directory, replica.market, setup)


def _check_keys(directory: Path, accounts: Accounts) -> None:
    """Whether nobody but a demo has the demo's keys, whose secrets everybody knows."""
    if known := demo_keys_in(accounts):
        raise ValueError(
            f"the journal in {directory} was begun by a demo: everybody knows the secrets of its keys "
            f"{', '.join(known[:KEYS_NAMED])}; start with --demo, or with another --journal"
        )


def _check_finished(directory: Path, records: int, market: Market) -> None:
    """Whether it is not what a demo left that was killed in its setup, which would then never be finished.

    There are two such setups: a capture as levels makes other markets, and nothing else makes a difference.
    """
    if not market.currencies:
        return
    for section in (FlowSection(capture="off", agents=0), FlowSection(capture="levels", agents=0)):
        setup = demo_flow(section, Market()).setup
        if records < len(setup) and _first_other(directory, records, setup) is None:
            raise ValueError(
                f"the journal in {directory} was begun by a demo that had recorded {records} of the {len(setup)} "
                "records of its setup when it ended; start with --demo, which finishes it, or with another --journal"
            )


def _check_beginning(directory: Path, records: int, setup: Sequence[AnyCommand]) -> None:
    """Whether the records are the first part of the setup: then the rest of it follows."""
    other = _first_other(directory, records, setup)
    if other is not None:
        raise ValueError(
            f"the journal in {directory} was not begun by this configuration: its record {other} of {records} is not "
            "that of the setup, or was dropped behind a snapshot; nothing was written. Start as the journal was begun "
            "(without --demo, or with its flow.capture), or with another --journal"
        )


def _check_markets(directory: Path, market: Market, setup: Iterable[AnyCommand]) -> None:
    """Whether the setup's markets are those of the journal, which may have begun with another configuration."""
    listed = [state.instrument for state in market.instruments]
    for command in setup:
        if isinstance(command, ListInstrument) and command.instrument not in listed:
            raise ValueError(
                f"{command.instrument.name} is not in the journal in {directory} as this configuration has it: start "
                "as the journal was begun (--demo, flow.capture), or with another --journal"
            )


def _first_other(directory: Path, records: int, setup: Sequence[AnyCommand]) -> int | None:
    """The number of the first of so many records that is not the setup's, None when all of them are."""
    pairs = zip_longest(_commands_in(directory), setup[:records])
    return next((number for number, (found, wanted) in enumerate(pairs, 1) if found != wanted), None)


def _commands_in(directory: Path) -> list[AnyCommand]:
    """All that is recorded; nothing where the first of it was dropped behind a snapshot."""
    paths = paths_in(directory)
    if not paths or paths[0].name != name_of(1):
        return []
    segments = [Segment(path, path.read_bytes(), last=path is paths[-1]) for path in paths]
    return [record.command for segment in segments for record in segment.records()]
