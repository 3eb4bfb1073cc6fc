"""DataHub's golden files as cases: the calls that are written out, beside what their files say."""

from __future__ import annotations

import json
from pathlib import Path

from bench.lineage_unseen import golden_cases

URN = "urn:li:dataset:(urn:li:dataPlatform:mssql,shop.{},PROD)"
TEST = """
def test_days():
    assert_sql_result(
        "INSERT INTO days SELECT day FROM visits", dialect="mssql", schemas={"%s": {"day": "int"}}, expected_file=RESOURCES / "days.json"
    )

def test_put_together():
    assert_sql_result(made_elsewhere(), dialect="mssql", expected_file=RESOURCES / "days.json")
"""


def test_a_call_that_is_written_out_is_a_case(tmp_path: Path) -> None:
    """With its tables and column edges; one whose SQL is put together when it runs is left out."""
    (tmp_path / "goldens").mkdir()
    (tmp_path / "test_some.py").write_text(TEST % URN.format("visits"))
    edge = {
        "downstream": {"table": URN.format("days"), "column": "day"},
        "upstreams": [{"table": URN.format("visits"), "column": "day"}],
    }
    golden = {"in_tables": [URN.format("visits")], "out_tables": [URN.format("days")], "column_lineage": [edge]}
    (tmp_path / "goldens" / "days.json").write_text(json.dumps(golden))

    (case,) = golden_cases(tmp_path)
    assert (case["id"], case["dialect"], case["schema"]) == ("days", "tsql", {"shop.visits": ["day"]})
    assert (case["expected_sources"], case["expected_targets"]) == (["shop.visits"], ["shop.days"])
    assert case["expected_column_edges"] == [[["shop.visits", "day"], ["shop.days", "day"]]]
