"""What a place in a query sees: the rows of its FROM, the names of WITH, the queries around it.

Journey 3, step "SQL → edges": names of columns become origins here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from services.lineage.sql.dialects import Traits
from services.lineage.sql.facts import Kind, TableKey
from services.lineage.sql.known import Tables, is_same
from services.lineage.sql.relation import Direct, Indirect, OutColumn, Relation, Star

Reads = tuple[Direct, Indirect]
"""What an expression reads: as data, and only to decide about rows."""
NOTHING: Reads = ({}, set())
Ctes = Mapping[str, Relation]
SCALAR = "="
"""Before the name of a value that WITH defines, beside those of its tables."""
PLACEHOLDER = "__jinja"
"""What stands in a text where a template's macro would have put something."""


@dataclass(slots=True)
class Env:
    """What is the same for a whole statement.

    Attributes:
        reads: every table that was met as one that is read, in order.
        query: reads a query inside another one; set by `query`, so that nothing here needs to import it.
        keeps_into: whether SELECT … INTO makes a table; in a procedure of most engines it fills variables.
        texts: the texts of the members of the outermost select list, as far as they can be told.
        members: those members.
        changes: statements inside WITH that change tables, each with what was defined before it, in order.
        given: what is defined around such a statement, and the tables of rows in a trigger.
        rows: names of rows in the code around, such as a loop's variable.
        elsewhere: whether a function was met that asks another system in a text, which is not read.
        pairs: the columns that conditions compare to put rows together, with the kind of the join, in order.

    """

    traits: Traits
    tables: Tables
    query: Callable[[exp.Expr, Env, Ctes, Scope | None], Relation]
    reads: dict[TableKey, None] = field(default_factory=dict)
    keeps_into: bool = True
    texts: Callable[[], list[str]] = list
    members: Sequence[exp.Expr] = ()
    changes: list[tuple[exp.Expr, Ctes]] = field(default_factory=list)
    given: Ctes = field(default_factory=dict)
    rows: Ctes = field(default_factory=dict)
    elsewhere: bool = False
    pairs: dict[tuple[tuple[TableKey, str], tuple[TableKey, str], str], None] = field(default_factory=dict)
    _places: dict[int, int] = field(default_factory=dict, init=False)

    def text_of(self, part: object) -> str:
        """The text of a select list's member in one line: as written where that can be told, else as the parser writes it."""
        if not isinstance(part, exp.Expr):
            return ""
        if not self._places:
            self._places = {id(member): at for at, member in enumerate(self.members)}
        at = self._places.get(id(part))
        texts = self.texts() if at is not None else []
        return texts[at] if at is not None and len(texts) == len(self.members) else part.sql(dialect=self.traits.name)

    def is_short_cast(self, part: object) -> bool:
        """Whether a member is written `column::type`, which is called like the column."""
        return isinstance(part, exp.Cast) and (self.traits.numbered_columns or "::" in self.text_of(part))


@dataclass(slots=True)
class Source:
    """One member of a FROM clause.

    Attributes:
        alias: the name that it goes by, in lower case; empty where it has none.
        table: its key where it is a table.
        hidden: whether `*` leaves it out, as the right side of a semi-join.

    """

    alias: str
    relation: Relation
    table: TableKey = ()
    hidden: bool = False

    def answers_to(self, qualifier: TableKey) -> bool:
        """Whether a column may be qualified so."""
        if self.alias and qualifier == (self.alias,):
            return True
        return bool(self.table) and len(qualifier) <= len(self.table) and is_same(self.table, qualifier)


class Scope:
    """One SELECT's surroundings.

    Args:
        env: the statement's.
        ctes: what WITH defines here and around.
        outer: the query around this one, whose rows may be named too.

    """

    def __init__(self, env: Env, ctes: Ctes, outer: Scope | None = None) -> None:
        self.env = env
        self.ctes = ctes
        self.outer = outer
        self.sources: list[Source] = []
        self.shared: dict[str, list[Source]] = {}
        self.aliases: dict[str, OutColumn] = {}
        self.windows: dict[str, exp.Expr] = {}
        self._found: dict[tuple[str, ...], Reads] = {}

    def resolve(self, column: exp.Expr) -> Reads:
        """What a column stands for."""
        parts = tuple(
            part.name.lower() for key in ("catalog", "db", "table", "this") if (part := column.args.get(key)) is not None
        )
        found = self._found.get(parts)
        if found is None:
            last = column.args.get("this")
            for key in ("table", "this"):
                part = column.args.get(key)
                if part is not None:
                    self.env.tables.saw(part.name)
            quoted = isinstance(last, exp.Identifier) and bool(last.args.get("quoted"))
            found = self._found[parts] = self._resolve(parts, quoted=quoted)
        return found

    def forget_names(self) -> None:
        """Names may mean something else from now on: a source or an alias has come."""
        self._found.clear()

    def _resolve(self, parts: tuple[str, ...], *, quoted: bool = False) -> Reads:
        if parts[-1].startswith(PLACEHOLDER):
            return NOTHING
        if len(parts) == 1:
            return self._unqualified(parts[0], quoted=quoted)
        found = self._qualified(parts[:-1], parts[-1])
        return found if found is not None else self._field(parts)

    def source(self, qualifier: TableKey) -> Source | None:
        """The source that a qualifier names, here or around: by alias first, by the table's own name next."""
        scope: Scope | None = self
        while scope is not None:
            for source in scope.sources:
                if source.alias and qualifier == (source.alias,):
                    return source
            for source in scope.sources:
                if source.answers_to(qualifier):
                    return source
            scope = scope.outer
        return None

    def _qualified(self, qualifier: TableKey, key: str) -> Reads | None:
        source = self.source(qualifier)
        if source is None and len(qualifier) == 1 and qualifier[0] in self.env.rows:
            source = Source("", self.env.rows[qualifier[0]])
        return None if source is None else column_of(source, key)

    def _field(self, parts: tuple[str, ...]) -> Reads:
        """`alias.column.field…` or `column.field…`; a column that nobody knows where it is neither."""
        for end in range(len(parts) - 2, 0, -1):
            source = self.source(parts[:end])
            if source is not None:
                return _inside(column_of(source, parts[end]))
        first = parts[0]
        known = self._definite(first) or (self.aliases.get(first) is not None)
        if known or (self.env.traits.dotted_structs and self._open_count() == 1):
            return _inside(self._unqualified(first))
        if self.outer is not None and (self.outer.sources or self.outer.outer is not None):
            return self.outer._resolve(parts)  # noqa: SLF001 - the same class
        return _unresolved(parts[-1])

    def _unqualified(self, key: str, *, quoted: bool = False) -> Reads:
        known = self._known(key)
        if known is not None:
            return known
        scalar = self.ctes.get(SCALAR + key)
        if scalar is not None:
            return _merged((column.direct, column.indirect | scalar.indirect) for column in scalar.columns)
        candidates = [source for source in self.sources if any(key not in star.without for star in source.relation.stars)]
        alias = self.aliases.get(key)
        if alias is not None and (not candidates or self.env.traits.lateral_aliases):
            return alias.direct, alias.indirect
        if not quoted and self.env.traits.pseudo(key):
            return NOTHING
        if candidates:
            return column_of(candidates[0], key) if len(candidates) == 1 else _unresolved(key)
        return self._elsewhere(key, quoted=quoted)

    def _known(self, key: str) -> Reads | None:
        """The column where USING or a list of columns says whose it is."""
        shared = self.shared.get(key)
        if shared:
            return _merged(column_of(source, key) for source in shared)
        definite = self._definite(key)
        return _merged((column.direct, column.indirect) for column in definite) if definite else None

    def _elsewhere(self, key: str, *, quoted: bool) -> Reads:
        """A column that nothing here is known to have: one of a query around, else one that the schema does not know yet."""
        if self.outer is not None and (self.outer.sources or self.outer.outer is not None):
            return self.outer._unqualified(key, quoted=quoted)  # noqa: SLF001 - the same class
        tables = [source for source in self.sources if source.table]
        if len(self.sources) == 1 and tables:
            return {(tables[0].table, key): Kind.IDENTITY}, set()
        return _unresolved(key) if self.sources else NOTHING

    def _definite(self, key: str) -> list[OutColumn]:
        found = (source.relation.find(key) for source in self.sources)
        return [column for column in found if column is not None]

    def _open_count(self) -> int:
        return sum(1 for source in self.sources if source.relation.stars)


def column_of(source: Source, key: str) -> Reads:
    """A column of a source. A table that is not known to have it is believed to: the schema may be an older one."""
    column = source.relation.find(key)
    if column is not None:
        return column.direct, column.indirect
    star = source.relation.star_for(key)
    if star is not None:
        made = star.column(key)
        return made.direct, made.indirect
    if source.table and source.relation.closed:
        return {(source.table, key): Kind.IDENTITY}, set()
    return _unresolved(key)


def _inside(reads: Reads) -> Reads:
    direct, indirect = reads
    return {origin: max(kind, Kind.TRANSFORMATION) for origin, kind in direct.items()}, indirect


def _unresolved(key: str) -> Reads:
    return {(None, key): Kind.IDENTITY}, set()


def _merged(found: Iterable[Reads]) -> Reads:
    direct: Direct = {}
    indirect: Indirect = set()
    for one, other in found:
        for origin, kind in one.items():
            direct[origin] = max(kind, direct.get(origin, kind))
        indirect |= other
    return direct, indirect


def star_of(table: TableKey) -> Star:
    """All columns of a table of which none is known."""
    return Star(tables=(table,))
