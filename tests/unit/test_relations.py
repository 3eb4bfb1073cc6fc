"""What artifacts say of other tables is in no asset that a narrow scope is shown; how many tests watch a change is."""

from __future__ import annotations

from typing import Any

from services.catalog.impact import watching
from services.catalog.shown import without_relations
from services.common.model.assets import MADE_FROM, Asset
from services.common.model.names import DatasetName, Namespace

TESTS: list[dict[str, Any]] = [
    {
        "unique_id": "test.a",
        "name": "relationships_a_id__hidden_table_",
        "test": "relationships",
        "column": "id",
        "state": "pass",
    },
    {"unique_id": "test.b", "name": "unique", "test": "unique", "column": "ID", "severity": "error", "failures": 3},
    {"unique_id": "test.c", "name": "rows_of_hidden_table", "column": None},
    {"unique_id": "test.d", "name": "not_null", "test": "not_null", "column": "mail"},
]
DBT = {"unique_id": "model.a", "tests": TESTS, "depends_on": ["model.hidden"], "exposures": [{"name": "hidden"}], "meta": {}}


def test_names_of_other_tables_are_left_out() -> None:
    """What was a name of another table, or may be; what kind a test is and how it ended stays."""
    found = without_relations({"dbt": DBT, "other": {"x": 1}, MADE_FROM: [["hidden"]], "note": "n"})
    assert "hidden" not in repr(found)
    assert (found["other"], found["note"], found["dbt"]["unique_id"], found["dbt"]["meta"]) == ({"x": 1}, "n", "model.a", {})
    assert found["dbt"]["tests"][1] == {"test": "unique", "column": "ID", "severity": "error", "failures": 3}
    assert without_relations({"dbt": {"tests": "strange", "depends_on": 3}}) == {"dbt": {"tests": "strange"}}


def test_tests_are_counted_of_what_changes() -> None:
    """Those of the column, in any case, and of the table as a whole; all of them where all of it changes."""
    asset = Asset(DatasetName(Namespace("postgres://db1:5432"), ("wh", "s", "a")), "wh", properties={"dbt": DBT})
    assert (watching(asset, ("id",)), watching(asset, ("mail",)), watching(asset, ("other",))) == (3, 2, 1)
    assert (watching(asset, ()), watching(asset, ("*",)), watching(None, ())) == (4, 4, 0)
