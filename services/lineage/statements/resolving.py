"""What a statement of a log does, with datasets in the place of names. Pure but for what it is told of the datasets.

Journey 3, step "log → facts". A statement that no crawl explains keeps the names that its engine would look for first, so
that it is joined up by itself when a crawl shows them.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

from services.common.model.names import AssetId, DatasetName, SqlPart, parse_name
from services.common.model.platforms import Case
from services.lineage.resolve import candidates
from services.lineage.sql.logged import Usage
from services.lineage.sql.statement import TableRef
from services.lineage.statements.around import Around
from services.lineage.statements.known import Known

_SYSTEM = frozenset({"information_schema", "pg_catalog", "pg_toast", "performance_schema"})
_MYSQL = frozenset({"mysql", "sys"})


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the tables of a statement stand for.

    Attributes:
        tables: by their places in `Usage.tables`; None for one that the log's own word rules out.
        reads, writes: what it reads and writes.
        candidates: every dataset that may be meant, by the place of the name; the log's own names come after the tables.

    """

    tables: tuple[DatasetName | None, ...]
    reads: tuple[DatasetName, ...]
    writes: tuple[DatasetName, ...]
    candidates: tuple[tuple[DatasetName, ...], ...]


def meaning_of(usage: Usage, around: Around, known: Known) -> Meaning:
    """What its tables stand for as far as crawls can tell now."""
    found = [resolved(ref, around, known) for ref in usage.tables]
    tables = [names[0] if names and not is_systems(names[0]) else None for names in found]
    reads = [name for place in usage.reads if (name := tables[place])]
    writes = [name for place in usage.writes if (name := tables[place])]
    if around.reads is not None:
        given = [resolved(ref, around, known) for text in around.reads if (ref := _ref(text))]
        reads = [names[0] for names in given]
        found.extend(given)
    if around.target is not None and (ref := _ref(around.target)):
        target = resolved(ref, around, known)
        writes = [target[0]]
        found.append(target)
    if around.reads is not None or around.target is not None:
        tables = [_among(name, reads + writes) for name in tables]
    meant = tuple(names for names in found if names and not is_systems(names[0]))
    return Meaning(tuple(tables), _once(reads), _once(writes), meant)


def resolved(ref: TableRef, around: Around, known: Known) -> tuple[DatasetName, ...]:
    """Every dataset that a name may stand for, the one that is meant first."""
    # the engine looks from where the session is; the last part of that name is never looked at
    here = DatasetName(around.namespace, (*filter(None, (around.database, around.schema)), ""))
    if around.platform.levels == 3 and around.schema is None:
        here = DatasetName(around.namespace, (around.database or "", ""))
    if not ref:
        return ()
    names = [name for name in candidates(ref, here) if all(name.parts)] or list(candidates(ref, here))
    exact = DatasetName(around.namespace, tuple(part.text for part in ref if part.text))
    found = next((name for name in (*names, exact) if name.id in known.ids), None)
    if found is None and not (around.told[1] and len(ref) == 1 and around.platform.name != "metadata"):
        parts = [part.text for part in ref if part.text]
        found = known.ending(around.source, parts, around.database, only_there=around.told[0] and len(ref) < 3)
    if found is None:
        return tuple(names)
    return (found, *(name for name in names if name.id != found.id))


def _ref(text: str) -> TableRef:
    """A name as a log gives it; nothing where it cannot be split."""
    try:
        return parse_name(text)
    except ValueError:
        return (SqlPart(text, quoted=True),) if text else ()


def is_systems(name: DatasetName) -> bool:
    """Whether it is one of the engine's own tables about tables, which nobody uses for what is in them."""
    low = [part.lower() for part in name.parts]
    if not _SYSTEM.isdisjoint(low[:-1]):
        return True
    engine = name.platform.name
    return (engine == "mysql" and low[0] in _MYSQL) or (engine in ("postgres", "redshift") and low[-1].startswith("pg_"))


def _among(name: DatasetName | None, given: Sequence[DatasetName]) -> DatasetName | None:
    """The dataset of the log's own word that a name of the SQL stands for: itself, else the only one with that last part."""
    if name is None or any(one.id == name.id for one in given):
        return name
    same = {one.id: one for one in given if one.parts[-1].lower() == name.parts[-1].lower()}
    return next(iter(same.values())) if len(same) == 1 else None


def _once(names: Sequence[DatasetName]) -> tuple[DatasetName, ...]:
    return tuple({name.id: name for name in names}.values())


Columns = Mapping[AssetId, Mapping[str, str]]
"""Of the datasets whose columns are known: each column as the source spells it, by its name in lower case."""


def kept(usage: Usage, meaning: Meaning, columns: Columns, known: Known, hidden: Hidden) -> Usage:
    """The usage without names that may be literals, columns spelled as their source does.

    Args:
        usage: as the worker tells it.
        meaning: what its tables stand for.
        columns: see above.
        known: the datasets that crawls have shown.
        hidden: words of the statement that may be part of a literal.

    """
    tables = tuple(
        ref
        if _is_known(name, known) or not any(word in hidden.for_tables for part in ref for word in _words(part.text))
        else ()
        for ref, name in zip(usage.tables, meaning.tables, strict=True)
    )

    shown = [columns.get(name.id, {}) if name is not None else {} for name in meaning.tables]

    def spelled(place: int, column: str) -> str | None:
        if not tables[place]:
            return None
        low = column.lower()
        if low in shown[place] or column == "*":
            return shown[place].get(low, column)
        return _folded(column, meaning.tables[place]) if low.isidentifier() and low not in hidden.for_columns else None

    uses = [(place, name, how) for place, column, how in usage.uses if (name := spelled(place, column))]
    pairs = [
        (left, one, right, other, kind)
        for left, a, right, b, kind in usage.pairs
        if (one := spelled(left, a)) and (other := spelled(right, b))
    ]
    flows = [
        (left, one, right, other, kind)
        for left, a, right, b, kind in usage.flows
        if (one := spelled(left, a)) and (other := spelled(right, b))
    ]
    return replace(
        usage,
        tables=tables,
        reads=tuple(place for place in usage.reads if tables[place]),
        writes=tuple(place for place in usage.writes if tables[place]),
        links=tuple((one, other) for one, other in usage.links if tables[one] and tables[other]),
        uses=tuple(dict.fromkeys(uses)),
        pairs=tuple(dict.fromkeys(pairs)),
        flows=tuple(dict.fromkeys(flows)),
    )


@dataclass(frozen=True, slots=True)
class Hidden:
    """Words that may be part of a literal, in lower case: where a table's name stands, and anywhere else."""

    for_tables: Container[str] = frozenset()
    for_columns: Container[str] = frozenset()


def is_explained(usage: Usage, meaning: Meaning, columns: Columns, known: Known) -> bool:
    """Whether every name is one that a crawl has shown, so that none of them can be a literal."""
    if not all(_is_known(name, known) for name in meaning.tables):
        return False
    named = [(place, column) for place, column, _ in usage.uses]
    named += [end for pair in (*usage.pairs, *usage.flows) for end in (pair[:2], pair[2:4])]
    shown = [columns.get(name.id, {}) if name is not None else {} for name in meaning.tables]
    return all(column == "*" or column.lower() in shown[place] for place, column in named)


def _is_known(name: DatasetName | None, known: Known) -> bool:
    return name is not None and name.id in known.ids


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _folded(column: str, name: DatasetName | None) -> str:
    """A column that no crawl has shown, as its engine most likely keeps it."""
    case = name.platform.case if name is not None else Case.SENSITIVE
    if case is Case.UPPER:
        return column.upper()
    return column if case is Case.SENSITIVE else column.lower()
