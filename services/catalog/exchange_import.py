"""Rows that were exported, or written by hand, brought back as people's words; never over what was said in between.

Beside journey 1, after `exchange_lines`: every write is the curator's, so it is recorded and can be taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from services.catalog.assets import AssetReader
from services.catalog.curation import Curator
from services.catalog.exchange import LISTS, Row, digest, full_name, labels, successor_names
from services.catalog.patches import parse_patch
from services.common.errors import BadRequest, NotFound, PreconditionFailed
from services.common.model.access import Principal
from services.common.model.assets import Asset, Column
from services.common.model.names import AssetId, parse_asset_id

MAX_LISTED = 1_000
"""Entries kept of each kind of outcome; all are counted."""
_MAX_ROWS_AT_ONCE = 5_000
"""Rows of one table that are written together."""
_TRIES = 5
"""How often a table is read again because somebody changed it while its rows were compared."""


class Outcome(NamedTuple):
    """What became of a row, or of one field of it.

    Attributes:
        field: empty where it is about the whole row.
        text: why; for a change or conflict what the catalog holds and what the file says.

    """

    line: int
    name: str
    field: str
    text: str


@dataclass(slots=True)
class Outcomes:
    """Outcomes of one kind: the first `MAX_LISTED`, and how many there are in all."""

    total: int = 0
    listed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """One more."""
        self.total += 1
        if len(self.listed) < MAX_LISTED:
            self.listed.append(outcome)


@dataclass(slots=True)
class ImportReport:
    """What an import did, or would do.

    Attributes:
        changed: fields written, or to be written.
        conflicts: fields that somebody else has changed since the export; left as they are unless forced.
        unknown: rows of tables or columns that are not there, or of a name that fits several.
        invalid: lines that could not be read.

    """

    dry_run: bool
    rows: int = 0
    tables: int = 0
    changed: Outcomes = field(default_factory=Outcomes)
    conflicts: Outcomes = field(default_factory=Outcomes)
    unknown: Outcomes = field(default_factory=Outcomes)
    invalid: Outcomes = field(default_factory=Outcomes)

    @property
    def whole(self) -> bool:
        """Whether everything in the file is in the catalog now."""
        return not (self.conflicts.total or self.unknown.total or self.invalid.total)


class _Target(NamedTuple):
    """The table or column that a row is about, as the catalog holds it."""

    line: int
    row: Row
    column: Column | None


@dataclass(slots=True)
class _Decided:
    """What the rows of one table come to."""

    table: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: list[Outcome] = field(default_factory=list)
    conflicts: list[Outcome] = field(default_factory=list)
    invalid: list[Outcome] = field(default_factory=list)

    @property
    def body(self) -> dict[str, Any]:
        """The patch as it would come over HTTP."""
        columns = [{"name": name, **fields} for name, fields in self.columns.items()]
        return self.table | ({"columns": columns} if columns else {})


class Importer:
    """Writes rows as `principal`, who must see what they name.

    Args:
        force: write over what somebody else has said since the export.
        dry_run: compare only.

    """

    def __init__(
        self, reader: AssetReader, curator: Curator, principal: Principal, *, force: bool = False, dry_run: bool = False
    ) -> None:
        self._reader = reader
        self._curator = curator
        self._principal = principal
        self._force = force
        self._report = ImportReport(dry_run)

    def run(self, rows: Iterable[tuple[int, Row | str]], on_progress: Callable[[int], None] | None = None) -> ImportReport:
        """Bring in numbered rows (a text is a line that could not be read); in memory is one table's at a time."""
        for group in self._by_table(rows):
            self._bring_in(group)
            if on_progress is not None:
                on_progress(self._report.rows)
        for kind in (self._report.changed, self._report.conflicts, self._report.unknown, self._report.invalid):
            kind.listed.sort()
        return self._report

    def _by_table(self, rows: Iterable[tuple[int, Row | str]]) -> Iterator[list[tuple[int, Row]]]:
        group: list[tuple[int, Row]] = []
        for line, row in rows:
            self._report.rows += 1
            if isinstance(row, str):
                self._report.invalid.add(Outcome(line, "", "", row))
                continue
            if group and (_place(group[0][1]) != _place(row) or len(group) >= _MAX_ROWS_AT_ONCE):
                yield group
                group = []
            group.append((line, row))
        if group:
            yield group

    def _bring_in(self, group: list[tuple[int, Row]]) -> None:
        for _ in range(_TRIES):
            found = self._found(group[0][1])
            if isinstance(found, str):
                for line, row in group:
                    self._report.unknown.add(Outcome(line, row.shown, "", found))
                return
            targets, unknown = _targets(found, group)
            decided = self._decide(found, targets)
            try:
                self._write(found, decided)
            except (PreconditionFailed, NotFound):  # changed, or gone, since it was read: look again
                continue
            self._tell(decided, unknown)
            return
        for line, row in group:
            self._report.conflicts.add(Outcome(line, row.shown, "", "somebody is changing the table right now; try again"))

    def _write(self, asset: Asset, decided: _Decided) -> None:
        if decided.body and not self._report.dry_run:
            self._curator.patch(asset.id, parse_patch(decided.body), self._principal, if_match=asset.revision)

    def _tell(self, decided: _Decided, unknown: list[Outcome]) -> None:
        self._report.tables += bool(decided.body)
        for kind, outcomes in (
            (self._report.changed, decided.changed),
            (self._report.conflicts, decided.conflicts),
            (self._report.invalid, decided.invalid),
            (self._report.unknown, unknown),
        ):
            for outcome in outcomes:
                kind.add(outcome)

    def _found(self, row: Row) -> Asset | str:
        """The one table that a row names, or why there is none."""
        held = self._reader.by_name(row.name, self._principal.scope)
        return _one(
            (one for one in held if row.source in ("", one.source) and row.namespace in ("", one.name.namespace)), row.name
        )

    def _named(self, text: str) -> Asset | str:
        """The one table of a name, with or without its namespace before a slash; of parts that hold dots, too."""
        held = list(self._reader.by_name(text, self._principal.scope))
        slash = text.find("/")
        while not held and slash >= 0:
            behind = self._reader.by_name(text[slash + 1 :], self._principal.scope)
            held = [asset for asset in behind if full_name(asset) == text]
            slash = text.find("/", slash + 1)
        return _one(held, text)

    def _decide(self, asset: Asset, targets: Iterable[_Target]) -> _Decided:
        decided = _Decided()
        seen: dict[str, int] = {}
        for target in targets:
            key = "" if target.column is None else asset.column_id(target.column.name)
            if key in seen:
                decided.invalid.append(_about(target, f"the same as line {seen[key]}"))
                continue
            seen[key] = target.line
            try:
                self._decide_row(asset, target, decided)
            except BadRequest as error:
                decided.invalid.append(_about(target, error.detail))
        return decided

    def _decide_row(self, asset: Asset, target: _Target, decided: _Decided) -> None:
        wanted = self._checked(asset, target)
        taken_back: set[str] | None = None
        changed, conflicts = [], []
        for name, value in wanted.items():
            now = _people_say(asset, target.column, name)
            if value == now or (now is None and _says_nothing_new(asset, target, name, value)):
                continue
            theirs = None if now is None else digest(name, self._as_text(target.column, name, now))
            clash = _clashes(target.row, name, theirs)
            if not clash and theirs is None and _was_said(target.row, name):
                taken_back = self._taken_back(asset, target.column) if taken_back is None else taken_back
                clash = name in taken_back
            text = f"the catalog holds {_short(now)}, the file {_short(value)}"
            outcome = Outcome(target.line, target.row.shown, name, text)
            if clash and not self._force:
                conflicts.append(outcome)
                continue
            changed.append(outcome)
            place = decided.table if target.column is None else decided.columns.setdefault(target.column.name, {})
            place[name] = value
        decided.changed += changed
        decided.conflicts += conflicts

    def _checked(self, asset: Asset, target: _Target) -> Mapping[str, Any]:
        """The fields of a row that are meant, each as it would be stored.

        Raises:
            BadRequest: a value is none that the field can have.

        """
        meant = {name: value for name, value in target.row.said.items() if not _is_the_crawls(target.row, name, value)}
        successor = meant.get("successor")
        if target.column is None:
            if successor is not None:
                meant["successor"] = self._successor(asset, successor)
            return parse_patch(meant).table
        checked = dict(parse_patch({"columns": [{"name": target.column.name, **meant}]}).columns[target.column.name])
        if successor is not None:
            checked["successor"] = _other_column(asset, target.column, str(checked["successor"]))
        return checked

    def _successor(self, asset: Asset, text: str) -> AssetId:
        known = parse_asset_id(text)
        found = self._reader.many([known], self._principal.scope).get(known, "no table has this id") if known else None
        found = found or self._named(text)
        if isinstance(found, str):
            raise BadRequest(f"successor {text}: {found}")
        if found.id == asset.id:
            raise BadRequest(f"successor {text}: a table is not its own successor")
        return found.id

    def _as_text(self, column: Column | None, name: str, value: Any) -> Any:
        """A stored value as a row shows it: a table's successor by its name."""
        if name != "successor" or column is not None:
            return value
        return successor_names(self._reader, [value], self._principal.scope).get(value, value)

    def _taken_back(self, asset: Asset, column: Column | None) -> set[str]:
        """The fields of which people's word was there and is not any more, by the record of who said what."""
        found: set[str] = set()
        seen: set[str] = set()
        before: int | None = None
        mine = None if column is None else asset.column_id(column.name)
        while entries := self._reader.history(asset.id, self._principal.scope, before=before):
            for entry in entries:
                theirs = None if entry.column is None else asset.column_id(entry.column)
                if theirs == mine and entry.field not in seen:
                    seen.add(entry.field)
                    found |= {entry.field} if entry.after is None else set()
            before = entries[-1].id
        return found


def _one(held: Iterable[Asset], text: str) -> Asset | str:
    """The one asset that a text names: whole, or else by its end."""
    every = list(held)
    best = [asset for asset in every if text in (asset.name.qualified, full_name(asset))] or every
    if len(best) == 1:
        return best[0]
    some = ", ".join(full_name(asset) for asset in best[:5])
    return f"fits several: {some}" if best else "no table is called so"


def _place(row: Row) -> tuple[str, str, str]:
    return row.source, row.namespace, row.name


def _about(target: _Target, why: str) -> Outcome:
    return Outcome(target.line, target.row.shown, "", why)


def _targets(asset: Asset, group: Iterable[tuple[int, Row]]) -> tuple[list[_Target], list[Outcome]]:
    by_id = {asset.column_id(column.name): column for column in asset.columns}
    targets, unknown = [], []
    for line, row in group:
        column = None if row.column is None else by_id.get(asset.column_id(row.column))
        if row.column is not None and column is None:
            unknown.append(Outcome(line, row.shown, "", f"{asset.name.qualified} has no column {row.column}"))
        else:
            targets.append(_Target(line, row, column))
    return targets, unknown


def _other_column(asset: Asset, column: Column, name: str) -> str:
    """The column of the table that is to be used instead, as the source spells it."""
    wanted = asset.column_id(name)
    for other in asset.columns:
        if asset.column_id(other.name) == wanted and other.name != column.name:
            return other.name
    raise BadRequest(f"successor {name}: no other column of {asset.name.qualified}")


def _people_say(asset: Asset, column: Column | None, name: str) -> Any:
    """People's word about a field as a patch has it; None where nobody said anything."""
    holder = asset if column is None else column
    if name not in holder.curated:
        return None
    value = getattr(holder, name)
    return list(value) if name in LISTS else None if value is None else str(value)


def _is_the_crawls(row: Row, name: str, value: Any) -> bool:
    """Whether a field is as it was exported and was the crawl's: whoever sends the file back says nothing about it."""
    if row.people is None or name in row.people:
        return False
    return value is None or (row.exported or {}).get(name) == digest(name, value)


def _says_nothing_new(asset: Asset, target: _Target, name: str, value: Any) -> bool:
    """Whether a field that nobody wrote is to say what the crawl says anyway, and the file does not call it people's."""
    if target.row.people is not None and name in target.row.people:
        return False
    shown = getattr(asset if target.column is None else target.column, name)
    return value is not None and (labels(shown) if name in LISTS else shown) == value


def _was_said(row: Row, name: str) -> bool:
    return row.people is not None and name in row.people


def _clashes(row: Row, name: str, theirs: str | None) -> bool:
    """Whether people's word, by its digest, is another than when the row was exported; a row by hand knows of no word."""
    if theirs is None:
        return False
    if row.exported is None or not _was_said(row, name):
        return True
    return row.exported.get(name) != theirs


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = ", ".join(value) if isinstance(value, list) else " ".join(str(value).split())
    return repr(text if len(text) <= 60 else text[:59] + "…")
