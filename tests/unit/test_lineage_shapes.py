"""Ids in answers about lineage: those of the datasets and columns themselves, at nodes and at both ends of edges."""

from __future__ import annotations

import pytest

from services.catalog.api.lineage_shapes import lineage_shape
from services.common.model.lineage import LineageEdge, LineageNode, Subgraph
from services.common.model.names import DatasetName, Namespace


@pytest.mark.parametrize("namespace", ["postgres://db1:5432", "mysql://db1:3306", "snowflake://acct", "bigquery"])
def test_columns_have_their_own_ids_wherever_they_stand(namespace: str) -> None:
    """Also one of a table twice, and a table beside its columns; whether case counts is the engine's."""
    one, two = (DatasetName(Namespace(namespace), ("D", "S", table)) for table in ("Orders", "facts"))
    nodes = [
        LineageNode(name.id, name, None, depth, listed=True, column=column)
        for name, depth, column in ((two, 0, "Amount"), (one, -1, "amount"), (one, -1, "AMOUNT"), (two, 0, None))
    ]
    edges = (
        LineageEdge(one.id, two.id, "identity", (), 1.0, "amount", "Amount", "view", direct=True),
        LineageEdge(one.id, two.id, "filter", (), 1.0, "AMOUNT", "Amount", "view", direct=False),
        LineageEdge(one.id, two.id, "view", (), 1.0),
    )
    shown = lineage_shape(Subgraph(tuple(nodes), edges, 4, truncated=False, state="complete", problem=None))

    assert [node.id for node in shown.nodes] == [
        two.column_id("Amount"),
        one.column_id("amount"),
        one.column_id("AMOUNT"),
        two.id,
    ]
    assert [(edge.from_, edge.to) for edge in shown.edges] == [
        (one.column_id("amount"), two.column_id("Amount")),
        (one.column_id("AMOUNT"), two.column_id("Amount")),
        (one.id, two.id),
    ]
