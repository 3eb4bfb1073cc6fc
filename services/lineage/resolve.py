"""Table references to datasets: which names a reference may stand for, and which of them it does. Pure.

Journey 3, step "references → datasets". A reference that its engine would look up in several places has several
candidates, in the engine's order; which one it is depends on what exists, and is decided again when that changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.common.model.names import DatasetName, SqlPart, from_sql
from services.common.model.platforms import Platform
from services.lineage.sql.statement import TableRef

Known = Callable[[DatasetName], bool]
"""Whether a crawl has shown a dataset and it still exists."""

_MAIN = "main"
_FALLBACK_SCHEMAS = {"postgres": "public", "redshift": "public", "duckdb": _MAIN}
"""Where a name without schema is looked up after the view's own: PostgreSQL's default path, DuckDB's for views. PostgreSQL's
crawler asks for definitions with every name written out; DuckDB (2.0) itself leaves the database's name and path out."""
_GAP_SCHEMAS = {"snowflake": "PUBLIC", "mssql": "dbo", "redshift": "public"}
"""The schema that `database..table` leaves out."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What one reference stands for.

    Attributes:
        name: the dataset.
        candidates: every name it might stand for, `name` among them; more than one where the engine looks in several places.
        sure: False where there are several candidates and none of them is known.

    """

    name: DatasetName
    candidates: tuple[DatasetName, ...]
    sure: bool

    @property
    def looked_at(self) -> tuple[DatasetName, ...]:
        """The candidates that the engine tries before it finds this one, and this one; all of them where it is not sure.

        Whoever may not see each of these must not learn what the reference stands for: if one of them existed, it
        would be another dataset.
        """
        return self.candidates[: self.candidates.index(self.name) + 1] if self.sure else self.candidates

    @property
    def confidence(self) -> float:
        """1.0 for a sure one; else the chance of a candidate when nothing speaks for one of them."""
        return 1.0 if self.sure else 1.0 / len(self.candidates)


def resolve(reads: Sequence[TableRef], view: DatasetName, known: Known) -> tuple[Resolved, ...]:
    """What the references in the definition of `view` stand for, in their order; never `view` itself.

    References that are looked up alike are one; two that are not may stand for the same dataset.

    Args:
        reads: the references, as the definition spells them.
        view: whose definition it is: its namespace, database and schema complete short names.
        known: see `Known`.

    """
    found: dict[tuple[DatasetName, ...], Resolved] = {}
    for one in resolve_each(reads, view, known).values():
        found.setdefault(one.candidates, one)
    return tuple(found.values())


def resolve_each(reads: Sequence[TableRef], view: DatasetName, known: Known) -> dict[TableRef, Resolved]:
    """What each reference stands for; those to `view` itself are left out."""
    found: dict[TableRef, Resolved] = {}
    for ref in reads:
        names = tuple(name for name in candidates(ref, view) if name.id != view.id)
        known_ones = [name for name in names if known(name)]
        if names:
            found[ref] = Resolved((known_ones or names)[0], names, sure=bool(known_ones) or len(names) == 1)
    return found


def candidates(ref: TableRef, view: DatasetName) -> tuple[DatasetName, ...]:
    """Every dataset that a reference in the definition of `view` may stand for, in the engine's order of looking."""
    platform = view.platform
    parts = _without_gaps(ref, platform)
    if len(parts) == 1 and len(view.parts) > platform.levels:  # a source with more levels than its engine usually has
        return (DatasetName(view.namespace, (*view.parts[:-1], *from_sql(view.namespace, parts).parts)),)
    database = view.parts[0] if len(view.parts) > 1 else None
    schema = view.parts[1] if len(view.parts) > 2 else None
    schemas = [schema]
    if len(parts) == 1 and platform.name in _FALLBACK_SCHEMAS:
        schemas.append(_FALLBACK_SCHEMAS[platform.name])
        if platform.name != "duckdb" and parts[0].text.lower().startswith("pg_"):
            schemas = ["pg_catalog"]  # only the engine's own catalog may use the prefix
    names = [from_sql(view.namespace, parts, database=database, schema=one) for one in schemas]
    if platform.name == "duckdb" and len(parts) == 2 and database and parts[0].text.lower() == database.lower():
        # the database's name may stand in front of the schema `main`; where a schema is called like the database too,
        # DuckDB refuses the name if both have the table, so whichever is known is meant
        names.insert(0, from_sql(view.namespace, (parts[0], SqlPart(_MAIN), parts[1])))
    return tuple({name.id: name for name in names}.values())


def _without_gaps(ref: TableRef, platform: Platform) -> TableRef:
    gap = _GAP_SCHEMAS.get(platform.name)
    filled = (SqlPart(gap, quoted=True) if not part.text and gap else part for part in ref)
    return tuple(part for part in filled if part.text)
