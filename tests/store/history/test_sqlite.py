"""History in SQLite."""

from pathlib import Path

import pytest

from polyfeed.store.history.history import opener
from tests.store.history.contract import Contract, Open


class TestSqlite(Contract):
    """All that every store must do."""

    @pytest.fixture
    def open_database(self, tmp_path: Path) -> Open:
        return opener("sqlite", tmp_path)


def test_other_words_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a store is sqlite or postgresql://user:password@host/database, not 'mysql'"):
        opener("mysql", tmp_path)
