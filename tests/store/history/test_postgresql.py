"""History in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from polyfeed.store.history.database import DatabaseError
from polyfeed.store.history.history import History, opener
from polyfeed.store.history.postgresql import arguments
from tests.store.history.contract import Contract, Open, flows
from tests.store.history.postgresql import Postgresql, server

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("postgresql")]


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Postgresql]:
    with server() as one:
        yield one


@pytest.fixture
def open_database(postgresql: Postgresql) -> Open:
    opened = opener(postgresql.url, Path())
    database = opened()
    for name in database.tables():
        database.query(f'DROP TABLE "{name}"')
    database.commit()
    database.close()
    return opened


class TestPostgresql(Contract):
    """All that every store must do."""


def test_a_server_that_crashes_loses_nothing_that_was_written(postgresql: Postgresql, open_database: Open) -> None:
    batches = flows()[0]
    history = History(open_database())
    history.write(batches[:300])
    postgresql.kill()
    with pytest.raises(DatabaseError):
        history.write(batches[300:])
    history.close()
    with pytest.raises(DatabaseError):
        open_database()
    postgresql.start()
    again = History(open_database())
    assert again.seq == 300
    again.write(batches)
    assert again.seq == 700
    again.close()


def test_urls() -> None:
    assert arguments("postgresql://me:p%40ss@db:6543/things") == {
        "user": "me",
        "password": "p@ss",
        "host": "db",
        "port": 6543,
        "database": "things",
        "timeout": 10,
        "application_name": "polyfeed",
    }
    assert arguments("postgresql://me@/things?host=/run/pg")["unix_sock"] == "/run/pg/.s.PGSQL.5432"
    for poor in ("postgresql://me@db", "postgresql://db/things"):
        with pytest.raises(DatabaseError, match="a store's URL is"):
            arguments(poor)
