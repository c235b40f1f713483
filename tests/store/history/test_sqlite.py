"""History in SQLite."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from polyfeed.model.history import FillsOf, OrdersOf
from polyfeed.store.history.asking import ask
from polyfeed.store.history.history import FILE, History, opener
from tests.store.history.contract import Contract, Open


class TestSqlite(Contract):
    """All that every store must do."""

    @pytest.fixture
    def open_database(self, tmp_path: Path) -> Open:
        return opener("sqlite", tmp_path)


def test_other_words_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a store is sqlite or postgresql://user:password@host/database, not 'mysql'"):
        opener("mysql", tmp_path)


@pytest.mark.parametrize(("before", "after"), [(0o644, 0o600), (0o640, 0o640), (None, 0o600)])
def test_what_everybody_could_read_is_its_owners_alone(tmp_path: Path, before: int | None, after: int) -> None:
    if before is not None:
        opener("sqlite", tmp_path)().close()
        (tmp_path / FILE).chmod(before)
    database = opener("sqlite", tmp_path)()
    History(database)
    files = list(tmp_path.iterdir())
    assert len(files) == 3 and {one.stat().st_mode & 0o777 for one in files} == {after}
    database.close()


def test_orders_are_found_by_name_and_number_without_looking_at_others(tmp_path: Path) -> None:
    database = opener("sqlite", tmp_path)()
    History(database)
    plans: list[str] = []
    query = database.query

    def explained(sql: str, values: Sequence[Any] = ()) -> list[Sequence[Any]]:
        plans.extend(str(row[3]) for row in query(f"EXPLAIN QUERY PLAN {sql}", values))
        return query(sql, values)

    database.query = explained  # type: ignore[method-assign]
    ask(database, FillsOf(accounts=(1, 2), instruments=(0,), client_id="a"))
    ask(database, FillsOf(accounts=(1, 2), instruments=(0,), order_id=5))
    ask(database, OrdersOf(accounts=(1, 2), instruments=(0,), client_id="a"))
    History(database)
    searches = [plan for plan in plans if plan.startswith(("SEARCH", "SCAN"))]
    large = ("SCAN orders", "SCAN fills", "SCAN trades", "SCAN candles")
    assert [plan for plan in searches if plan.startswith(large)] == []
    assert sum("(order_id=? AND account=? AND place<?)" in plan for plan in searches) == 2
    assert sum("(client_id=? AND account=?" in plan for plan in searches) == 2
    database.close()
