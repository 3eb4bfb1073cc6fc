"""What SQL says of columns, as edges between the columns of datasets. Pure.

Journey 3, step "SQL → edges" to "store": names of tables become datasets, what decides about rows becomes one edge, the
columns of the text become those that the crawl shows of the view.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.common.model.names import AssetId, DatasetName, ScopePath, SqlPart
from services.lineage.confidence import Signs, confidence
from services.lineage.resolve import Resolved
from services.lineage.sql.facts import ColumnEdge as Fact
from services.lineage.sql.facts import Kind, ScriptLineage
from services.lineage.sql.script import Script
from services.lineage.sql.statement import TableRef, is_template
from services.lineage.store.column_edges import EVERY, ColumnEdge
from services.lineage.store.column_readings import PARSED, PARTLY, UNPARSED, ColumnReading

Columns = Mapping[AssetId, Sequence[str]]
"""Names of columns by dataset, where they are known."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a reference stands for, and what one must be allowed to see besides."""

    found: Resolved
    guards: tuple[ScopePath, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A definition as its columns are told.

    Attributes:
        name: of the dataset that it makes.
        basis: what the edges rest on, as `edges` names it.
        links: what its references stand for.
        columns: what is known of the columns of those datasets, and of the view itself.
        paths: the scope paths of all that its references may mean. Where a column belongs may follow from the columns of
            any of them: whoever may not see them all is only told of columns that are in a table's own list.

    """

    name: DatasetName
    basis: str
    links: Mapping[TableRef, Link]
    columns: Columns
    paths: tuple[ScopePath, ...] = ()

    @property
    def own(self) -> Sequence[str]:
        """The view's own columns; empty where no crawl showed them."""
        return self.columns.get(self.name.id, ())

    @property
    def around(self) -> tuple[str | None, str | None]:
        """Database and schema that complete short names."""
        parts = self.name.parts
        return (parts[-3] if len(parts) > 2 else None, parts[-2] if len(parts) > 1 else None)


def script_of(view: View, sql: str, dialect: str) -> Script:
    """The text with the columns of the tables that it names, by the names that it gives them."""
    schema = {
        _dotted(key): columns
        for key, links in _by_key(view).items()
        if len({link.found.name.id for link in links}) == 1 and (columns := view.columns.get(links[0].found.name.id))
    }
    return Script(sql, dialect, schema, *view.around)


def edges_of(view: View, script: Script, read: ScriptLineage) -> tuple[list[ColumnEdge], ColumnReading]:
    """The edges into the view's columns, and how far they are known. See `told`."""
    found, reading = told(view, script, read)
    return [edge for edge, _ in found], reading


UNKNOWN_COLUMNS = 0.5
"""Confidence of an edge from every column of a table that something shows as a whole: which of them it shows is not known."""


def whole_tables(view: View) -> Iterator[ColumnEdge]:
    """The edges into what shows whole tables: any of their columns may be in it."""
    for link in {link.found.name.id: link for link in view.links.values()}.values():
        sure = UNKNOWN_COLUMNS * link.found.confidence
        yield ColumnEdge(link.found.name.id, EVERY, view.name.id, EVERY, "identity", view.basis, sure, link.guards)


def told(view: View, script: Script, read: ScriptLineage) -> tuple[list[tuple[ColumnEdge, Signs]], ColumnReading]:
    """The edges into the view's columns, each with what is seen of how it was found, and how far the columns are known.

    Columns that decide about all rows are one edge into `*`. A column that may be of several tables whose columns are not
    known has an edge from each, of little confidence.
    """
    problem = next((one.error for one in read.statements if one.error is not None), None)
    facts = _own_facts(read)
    names = list(dict.fromkeys(fact.into for fact in facts if fact.into != EVERY))
    if not facts:
        return [], _reading(view, problem, names, set(), 0)
    made = _Maker(view, repaired=problem is not None or is_template(script.sql))
    spelled = _places(view.own, names)
    open_columns: set[str] = set()
    unresolved: set[str] = set()
    found: dict[tuple[object, ...], tuple[ColumnEdge, Signs]] = {}
    own = {name.lower() for name in view.own}
    named = set(spelled.values())
    rest = [name for name in map(str.lower, view.own) if name not in named]
    if len(spelled) < len(names):  # the text's columns are others than the view's: who knows which is which
        open_columns.update(rest)
    for fact in _gathered(facts, names):
        into = spelled.get(fact.into, fact.into.lower())
        for edge, signs, sure in made.edges(fact, into, rest):
            if own and edge.into != EVERY and edge.into not in own:
                continue
            key = (edge.source, edge.column, edge.into, edge.kind)
            before = found.get(key)
            if before is None or _rank(edge) > _rank(before[0]):
                found[key] = (edge, signs)
            if not sure and fact.kind.direct:
                open_columns.add(edge.into)
        if fact.source is None:
            unresolved.add(fact.column)
            open_columns.add(into)
    return list(found.values()), _reading(view, problem, names, open_columns, len(unresolved))


def _rank(edge: ColumnEdge) -> tuple[float, int]:
    """Of two edges that are alike the surer one stays, then the one that asks for less."""
    return edge.confidence, -len(edge.guards)


def _own_facts(read: ScriptLineage) -> list[Fact]:
    """The edges of the query whose result the view is: what has no target, or the only one there is."""
    targets = {fact.target for fact in read.whole.column_edges}
    if len(targets) > 1:
        targets = {None}
    return [fact for fact in read.whole.column_edges if fact.target in targets]


def _gathered(facts: Sequence[Fact], names: Sequence[str]) -> Iterator[Fact]:
    """Facts in their order, with what holds for every column told once, into `*`."""
    holds: dict[tuple[str | None, str, Kind], set[str]] = defaultdict(set)
    for fact in facts:
        if not fact.kind.direct:
            holds[fact.source, fact.column, fact.kind].add(fact.into)
    told = set()
    for fact in facts:
        key = (fact.source, fact.column, fact.kind)
        if len(holds.get(key, ())) < max(len(names), 2):
            yield fact
        elif key not in told:
            told.add(key)
            yield fact._replace(into=EVERY)


def _places(own: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """The view's column for each name of the text: of the same name, else by place if as many are left on both sides."""
    if not own:
        return {name: name.lower() for name in names}
    known = {name.lower() for name in own}
    found = {name: name.lower() for name in names if name.lower() in known}
    left = [name for name in names if name not in found]
    taken = set(found.values())
    free = [name for name in map(str.lower, own) if name not in taken]
    if len(left) == len(free):
        found |= dict(zip(left, free, strict=True))
    return found


class _Maker:
    """Makes edges from facts; knows what the text's tables are."""

    def __init__(self, view: View, *, repaired: bool) -> None:
        self.view = view
        self.repaired = repaired
        self._links = {_dotted(key): links for key, links in _by_key(view).items()}
        # an id is a digest of the name, and a wide table has thousands of edges
        self._target = view.name.id
        self._ids = {link.found.name: link.found.name.id for links in self._links.values() for link in links}
        self._names = {id_: frozenset(map(str.lower, columns)) for id_, columns in view.columns.items()}
        self._strangers = {id_ for id_ in self._ids.values() if not self._known(id_)}

    def edges(self, fact: Fact, into: str, rest: Sequence[str]) -> Iterator[tuple[ColumnEdge, Signs, bool]]:
        """The edges that a fact stands for, each with what is seen of it and whether it is more than likely.

        Args:
            fact: of the text.
            into: the view's column.
            rest: the view's columns that the text does not name, in lower case: its `*` must stand for them.

        """
        links = self._of_nobody() if fact.source is None else self._links.get(fact.source.lower(), ())
        among = len(links) if fact.source is None else 0
        for link in links:
            columns = [(fact.column.lower(), into)]
            is_star = fact.column == EVERY and fact.into == EVERY and fact.kind is Kind.IDENTITY
            if is_star and rest:
                columns = [(name, name) for name in rest]
            for column, target in columns:
                placed = fact.into != EVERY and target != fact.into.lower()
                signs = self._signs(link, column, among=among, star=is_star, placed=placed)
                sure = fact.source is not None and not is_star and link.found.sure and not signs.missing
                yield self._edge(link, column, target, fact.kind, signs), signs, sure

    def _of_nobody(self) -> list[Link]:
        """Every table that a column of unknown table may be of: those whose columns are not known."""
        return [
            link
            for links in self._links.values()
            for link in {self._ids[one.found.name]: one for one in links}.values()
            if self._ids[link.found.name] in self._strangers
        ]

    def _signs(self, link: Link, column: str, *, among: int, star: bool, placed: bool) -> Signs:
        source = self._ids[link.found.name]
        columns = self._names.get(source)
        listed = columns is not None and (column == EVERY or column in columns)
        strangers = len(self._strangers - {source})
        return Signs(
            listed=float(listed),
            missing=float(columns is not None and not listed),
            strangers=0.0 if listed else math.log2(1 + strangers),
            shared=float(among > 0),
            crowd=math.log2(among) if among else 0.0,
            star=math.log2(2 + strangers) if star else 0.0,
            repaired=float(self.repaired),
            placed=float(placed),
        )

    def _edge(self, link: Link, column: str, into: str, kind: Kind, signs: Signs) -> ColumnEdge:
        guards = link.guards if signs.listed else self.view.paths
        sure = confidence(signs, link.found.confidence)
        return ColumnEdge(self._ids[link.found.name], column, self._target, into, kind.word, self.view.basis, sure, guards)

    def _known(self, dataset: AssetId) -> bool:
        return bool(self.view.columns.get(dataset))


def _reading(
    view: View, problem: str | None, names: Sequence[str], open_columns: set[str], unresolved: int
) -> ColumnReading:
    total = len(view.own) or len(names)
    if problem is not None and not names:
        return ColumnReading(UNPARSED, problem, total, 0, unresolved)
    is_open = total if EVERY in open_columns else min(len(open_columns), total)
    if problem is None and is_open and unresolved == 0:
        problem = "some of its tables have no known columns"
    elif problem is None and unresolved:
        problem = "some of its columns may be of several tables"
    state = PARTLY if problem is not None else PARSED
    return ColumnReading(state, problem, total, total - is_open, unresolved)


def _by_key(view: View) -> dict[tuple[str, ...], list[Link]]:
    """Links by the name that the reader of SQL gives a table: in lower case, completed with what is around the view."""
    found: dict[tuple[str, ...], list[Link]] = defaultdict(list)
    for ref, link in view.links.items():
        found[_key(ref, view)].append(link)
    return found


def _key(ref: TableRef, view: View) -> tuple[str, ...]:
    database, schema = view.around
    parts = [part.text for part in ref if part.text]
    if len(parts) == 1 and schema and not parts[0].startswith(("#", "@")):
        parts = [schema, *parts]
    if len(parts) == 2 and database:
        parts = [database, *parts]
    return tuple(part.lower() for part in parts)


def _dotted(key: Iterable[str]) -> str:
    return ".".join(key)


def refs_of(read: ScriptLineage) -> tuple[TableRef, ...]:
    """The tables that a text reads, as references; for texts of which nothing but their lineage can be read."""
    return tuple(tuple(SqlPart(part) for part in name.split(".")) for name in read.whole.sources if "/" not in name)
