"""How a change gets on through what is made from it: what it reaches, in which order, in which loops, and who carries it on.

Journey 3, the last step. networkx behind a few verbs, for the bounded graph of one answer: some 10,000 datasets at most.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from functools import cache
from typing import Any, Generic, TypeVar

Node = TypeVar("Node", bound=Hashable)


@cache
def _networkx() -> Any:
    """networkx, from the first answer on that needs it: .08 s and 12 MB that no start should cost."""
    import networkx  # noqa: ICN001, PLC0415

    return networkx


class Propagation(Generic[Node]):
    """A change and what it affects, as a graph that leads from the change to everything else.

    Args:
        start: what changes.
        affected: what it affects.
        edges: pairs along which the change gets on, all ends among `start` and `affected`.

    """

    def __init__(self, start: Node, affected: Iterable[Node], edges: Iterable[tuple[Node, Node]]) -> None:
        self._start = start
        self._nx = _networkx()
        self._graph = self._nx.DiGraph()
        self._graph.add_node(start)
        self._graph.add_nodes_from(affected)
        self._graph.add_edges_from(edges)
        self._components = list(self._nx.strongly_connected_components(self._graph))

    def stages(self) -> dict[Node, int]:
        """For each the steps of the longest way from the start: who goes stage by stage finds done what each is made from.

        Those of one loop have one stage; it is 0 where the start is in it. What nothing leads to follows the start: an answer
        that was cut does not say what is in between.
        """
        whole = self._nx.condensation(self._graph, self._components)
        begin = whole.graph["mapping"][self._start]
        # where a part that nothing leads to leads to the start, it follows it all the same
        whole.remove_edges_from(list(whole.in_edges(begin)))
        whole.add_edges_from([(begin, one) for one, degree in whole.in_degree() if not degree and one != begin])
        return {
            node: stage
            for stage, components in enumerate(self._nx.topological_generations(whole))
            for component in components
            for node in whole.nodes[component]["members"]
        }

    def loops(self) -> list[frozenset[Node]]:
        """Those that are made from each other, in no order; loops that meet are one."""
        return [frozenset(found) for found in self._components if len(found) > 1]

    def carried(self) -> dict[Node, int]:
        """For each how many others the change reaches through it alone: stopped there, it spares them.

        These are the datasets that it dominates (Cooper, Harvey, Kennedy: A Simple, Fast Dominance Algorithm, 2001).
        """
        above = self._nx.immediate_dominators(self._graph, self._start)
        tree = self._nx.DiGraph()
        tree.add_node(self._start)
        tree.add_edges_from((parent, node) for node, parent in above.items() if node != self._start)
        counts = dict.fromkeys(self._graph, 0)
        for node in self._nx.dfs_postorder_nodes(tree, self._start):
            if node != self._start:
                counts[above[node]] += 1 + counts[node]
        return counts


def reached(start: Node, edges: Iterable[tuple[Node, Node]]) -> set[Node]:
    """The start, and all that edges lead to from it."""
    nx = _networkx()
    graph = nx.DiGraph()
    graph.add_node(start)
    graph.add_edges_from(edges)
    return {start, *nx.descendants(graph, start)}
