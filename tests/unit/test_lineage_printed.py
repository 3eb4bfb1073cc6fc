"""How the terminal orders the edges of a lineage: values first, what is nearest first, and a line for what decides about rows."""

from __future__ import annotations

from services.cli.lineage import edge_lines
from services.common.model.lineage import LineageEdge, LineageNode, Subgraph
from tests.support.lineages import id_of, name_of


def node(table: str, depth: int, column: str | None = None) -> LineageNode:
    return LineageNode(id_of(table), name_of(table), None, depth, listed=True, column=column)


def between(source: str, target: str, kind: str, confidence: float = 1.0) -> LineageEdge:
    (a, one), (b, two) = source.rsplit(".", 1), target.rsplit(".", 1)
    direct = kind in ("identity", "aggregation")
    return LineageEdge(id_of(a), id_of(b), kind, (), confidence, one, two, "view", direct)


def test_values_come_first_and_what_decides_about_rows_is_a_line_a_column():
    """Far edges behind near ones; kinds and targets of one source are told together, as sure as the least of them."""
    edges = (
        between("s.raw.day", "s.fact.amount", "filter"),
        between("s.raw.day", "s.fact.amount", "join", 0.7),
        between("s.raw.day", "s.fact.key", "join"),
        between("s.raw.total", "s.fact.amount", "identity"),
        between("s.fact.key", "s.sum.amount", "join"),
        between("s.fact.amount", "s.sum.amount", "aggregation", 0.5),
    )
    columns = {("s.raw", "day"): -2, ("s.raw", "total"): -2, ("s.fact", "amount"): -1, ("s.fact", "key"): -1}
    nodes = (node("s.sum", 0, "amount"), *(node(table, depth, name) for (table, name), depth in columns.items()))
    graph = Subgraph(nodes, edges, len(nodes), truncated=False, state="complete", problem=None)

    assert list(edge_lines(graph)) == [
        "s.fact.amount → s.sum.amount  [aggregation, 50% sure]",
        "s.raw.total → s.fact.amount  [identity]",
        "s.fact.key → s.sum.amount  [join]",
        "s.raw.day → s.fact.{amount, key}  [filter, join, 70% sure]",
    ]


def test_edges_between_tables_are_a_line_each():
    """The nearest first; their order is else that of the answer."""
    nodes = (node("s.c", 0), node("s.b", -1), node("s.a", -2))
    edges = (
        LineageEdge(id_of("s.a"), id_of("s.b"), "view", (), 1.0),
        LineageEdge(id_of("s.b"), id_of("s.c"), "query", (), 0.8),
    )
    graph = Subgraph(nodes, edges, 3, truncated=False, state="complete", problem=None)
    assert list(edge_lines(graph)) == ["s.b → s.c  [query, 80% sure]", "s.a → s.b  [view]"]
