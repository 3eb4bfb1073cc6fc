"""A check before a change: what breaks, and who is affected, for each change of a script or a project. For pull requests.

Beside journey 3: names become assets inside the caller's scope, and what the scope hides is neither named nor counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from services.catalog.assets import AssetReader
from services.catalog.checked import SHOWN, Checked, Report, Verdict
from services.catalog.declared_keys import Pointing, pointing_at
from services.catalog.impact import Impact, impact_of, without
from services.catalog.impacts import only_rows, only_through, together
from services.catalog.key_threats import pointed, threat_to_keys
from services.catalog.missing_sources import Sources
from services.catalog.needs import Needs
from services.catalog.redefinitions import listed, may_read, redefined, what_changes
from services.catalog.script_names import ScriptNames
from services.catalog.widening import Retyping, retyping
from services.common.errors import BadRequest, NotFound
from services.common.model.access import AccessScope
from services.common.model.assets import Asset, Column, Kind
from services.common.model.lineage import Direction, LineageNode, LineageRequest
from services.common.model.names import AssetId, parse_asset_id
from services.common.model.near_columns import did_you_mean, near_columns
from services.common.model.schema_changes import ChangeKind, PlannedChanges, Redefinition, Sameness, SchemaChange
from services.common.ports import LineageQuery

MAX_CHANGES = 200
"""Distinct changes of one check; a release has tens."""
MAX_COLUMNS = 300
"""Columns of tables made anew that one check looks into one by one; each is a walk through all that is made from it."""
_READERS = 20
"""Direct readers that are asked whether their columns are known; more count as not known."""
_DEFINITIONS = ("view", "query")
"""Kinds of edges that rest on a text that was read."""


class Checker:
    """Judges the changes of one script inside one scope, in its order: what one check has dropped is gone for the next."""

    def __init__(
        self,
        reader: AssetReader,
        lineage: LineageQuery,
        scope: AccessScope,
        near: Callable[[str], Sequence[str]] = lambda _name: (),
    ) -> None:
        """`near` gives names inside the scope that one which is not known may be a slip for."""
        self._reader = reader
        self._lineage = lineage
        self._scope = scope
        self._near = near
        self._left = MAX_COLUMNS
        self._walked: dict[tuple[AssetId, str | None], Impact] = {}
        self._named: dict[str, tuple[Asset, ...]] = {}
        self._known: dict[AssetId, tuple[LineageNode, ...] | None] = {}
        self._pointing: dict[AssetId, tuple[Pointing, ...]] = {}
        self._dropped: set[tuple[AssetId, str | None]] = set()
        self._names = ScriptNames()
        self._anew: dict[AssetId, str] = {}
        self._sources = Sources(reader, scope, near, self._names, self._dropped, set(), set())
        self._needs = Needs(self._sources, self._assets)

    def check(self, planned: PlannedChanges) -> Report:
        """Judge every change, equal ones once. What was looked up for one is there for the next.

        Raises:
            BadRequest: there are more than `MAX_CHANGES` different ones, or a type changes or a column comes and none is named.
            ServiceUnavailable: the lineage service does not answer; trying again helps.

        """
        changes = list(dict.fromkeys(planned.changes))
        if len(changes) > MAX_CHANGES:
            raise BadRequest(
                f"a check takes at most {MAX_CHANGES} different changes, and these are {len(changes)}; split them"
            )
        if any(one.kind is ChangeKind.RETYPE and one.column is None for one in changes):
            raise BadRequest("a type is that of a column: say which one with `column`")
        if any(one.kind is ChangeKind.ADD and one.column is None for one in changes):
            raise BadRequest("what is added is a column: say which one with `column`")
        self._left = MAX_COLUMNS
        self._names.expect(planned.own)
        for one in changes:  # what counts is what a reader is in the end
            if one.made_by is not None and len(made := self._assets(one.table)) == 1:
                self._anew[made[0].id] = one.made_by.sql
        self._needs.expect(planned)
        found = tuple(self._in_order(changes))
        return Report(found, (*planned.problems, *self._needs.missing()))

    def _in_order(self, changes: Sequence[SchemaChange]) -> Iterator[Checked]:
        for change in changes:
            self._needs.look(change)
            for one in map(self._with_keys, self._judged(change)):
                yield one
                if one.asset is None:
                    continue
                if one.change.kind is ChangeKind.DROP:
                    self._dropped.add((one.asset.id, one.change.column and one.change.column.lower()))
                self._names.renamed(one.change, one.asset)
                self._sources.changed(one.change, one.asset)

    def _judged(self, change: SchemaChange) -> Iterator[Checked]:
        found = self._assets(change.table)
        if not found and (asset := self._names.known_as(change.table)) is not None:
            found = (asset,)
        if len(found) != 1:
            fresh = change.kind is ChangeKind.REPLACE and change.was_made_by is None
            if not found and (fresh or self._names.is_own(change.table)):
                self._names.made(change)
                return  # nobody but the script knows it
            why = (
                f"{len(found)} tables may be meant; write a longer name"
                if found
                else f"table {change.table} is not known here{did_you_mean(self._near(change.table))}"
            )
            yield Checked(change, None, Verdict.UNKNOWN, why)
            return
        asset = found[0]
        if change.kind is ChangeKind.ADD:
            yield _added(change, asset)
        elif change.kind is not ChangeKind.REPLACE:
            yield self._one(change, asset)
        else:
            yield from self._made_anew(change, asset)

    def _made_anew(self, change: SchemaChange, asset: Asset) -> Iterator[Checked]:
        """A table that is made again; what a `*` in its query stands for is known where all that is in it is."""
        found = redefined(change, asset, self._scope, self._lineage, self._sources.came)
        names = change.columns or (None if found is None else found.outputs)
        if names is not None:
            if change.columns is None:
                change = replace(change, columns=names)
                found = redefined(change, asset, self._scope, self._lineage, self._sources.came)
            yield from self._kept_or_not(change, names, asset, found)
            return
        why = "which columns it has afterwards cannot be told"
        one = self._of_whole(change, asset, Verdict.UNKNOWN, why)
        if one.verdict is Verdict.SAFE:
            anew = self._redefined(change, asset, found)
            one = one if anew is None else anew  # by hand it is read all the same
        yield one if found is None else replace(one, redefined=found)

    def _kept_or_not(
        self, change: SchemaChange, names: tuple[str, ...], asset: Asset, found: Redefinition | None
    ) -> Iterator[Checked]:
        """A table that is made again: the columns that it loses, and those whose type is said and is another."""
        types = dict(zip(map(str.lower, names), change.types or (None,) * len(names), strict=True))
        inner: list[SchemaChange] = []
        for column in asset.columns:
            after = types.get(column.name.lower())
            if column.name.lower() not in types:
                inner.append(SchemaChange(ChangeKind.DROP, change.table, column.name))
            elif after and column.type is not None and retyping(column.type, after) is not Retyping.SAME:
                inner.append(SchemaChange(ChangeKind.RETYPE, change.table, column.name, after))
        anew = self._redefined(change, asset, found)
        if len(inner) > self._left:
            why = f"{len(inner)} of its columns go or change, too many to look into one by one"
            yield self._of_whole(change, asset, Verdict.RISKY, why)
            return
        self._left -= len(inner)
        yield from (self._one(one, asset) for one in inner)
        if anew is not None:
            yield anew
        elif inner:
            yield from self._pointing_at_kept(change, asset, {(one.column or "").lower() for one in inner})
        else:
            made = "" if change.made_by is None else ", and they are made from what they were"
            yield Checked(change, asset, Verdict.SAFE, f"it keeps all of its columns{made}")

    def _redefined(self, change: SchemaChange, asset: Asset, found: Redefinition | None) -> Checked | None:
        """A table that is made otherwise, or of which that is not known; None where it means what it did.

        Whoever reads it by hand gets other values without an error, so that it is not safe where nobody is known to.
        """
        if found is None or found.state is Sameness.SAME:
            return None
        impact = self._meant(found, asset)
        readers = f"; {_many(impact)} of it" if impact.total else "; nothing that is known reads it"
        missing = self._sources.missing(found)
        if missing is not None:  # it may not even run, so that what it would make is told second
            return Checked(change, asset, Verdict.UNKNOWN, f"{missing}{readers}", impact, redefined=found)
        verdict = Verdict.RISKY if found.state is Sameness.CHANGED else Verdict.UNKNOWN
        return Checked(change, asset, verdict, f"{what_changes(found)}{readers}", impact, redefined=found)

    def _meant(self, found: Redefinition, asset: Asset) -> Impact:
        """Who is affected where columns, or rows, mean something else."""
        whole = self._impact(ChangeKind.REPLACE, asset.id, None)
        spelled = {column.name.lower(): column.name for column in asset.columns}
        names = [spelled[one.column] for one in found.columns if one.column in spelled]
        if found.state is Sameness.UNKNOWN or len(names) < len(found.columns) or len(names) > self._left:
            return whole
        self._left -= len(names)
        parts = [self._impact(ChangeKind.REPLACE, asset.id, name) for name in names]
        if found.rows:
            return only_rows(whole, parts)
        merged = together(whole, parts)
        return merged if merged.total or self._columns_are_known(asset.id) else whole

    def _pointing_at_kept(self, change: SchemaChange, asset: Asset, changed: set[str]) -> Iterator[Checked]:
        """Keys that point at none of the columns that change, and lose the table that they point at all the same."""
        keys = tuple(
            key for key in self._keys_of_others(asset) if changed.isdisjoint(column.lower() for column in key.ref_columns)
        )
        if keys:
            yield Checked(change, asset, Verdict.RISKY, f"it is made anew, and {pointed(keys)}", keys=keys)

    def _of_whole(self, change: SchemaChange, asset: Asset, verdict: Verdict, why: str) -> Checked:
        impact = self._impact(ChangeKind.DROP, asset.id, None)
        return Checked(change, asset, verdict, why, impact) if impact.total else self._unread(change, asset, None, impact)

    def _one(self, change: SchemaChange, asset: Asset) -> Checked:
        column = change.column
        if column is not None:
            spelled = next((one for one in asset.columns if one.name.lower() == column.lower()), None)
            if spelled is None:
                return Checked(
                    change, asset, Verdict.UNKNOWN, f"the table is not known to have this column{_near(column, asset)}"
                )
            column = spelled.name
            if change.kind is ChangeKind.RETYPE:
                return self._retyped(change, asset, spelled)
        impact = self._impact(change.kind, asset.id, column)
        if not impact.total:
            return self._unread(change, asset, column, impact)
        if _only_shown(impact, column):
            return self._unread(change, asset, column, impact)
        return Checked(change, asset, Verdict.BREAKING, f"it breaks or changes {_many(impact)} of it", impact)

    def _retyped(self, change: SchemaChange, asset: Asset, column: Column) -> Checked:
        known = column.type is not None and change.to is not None
        kind = retyping(column.type, change.to)
        if known and kind is Retyping.SAME:
            return Checked(change, asset, Verdict.SAFE, "the type stays the same")
        impact = self._impact(change.kind, asset.id, column.name)
        if not impact.total or _only_shown(impact, column.name):
            return self._unread(change, asset, column.name, impact)
        if not known:
            why = "its type now is not known" if column.type is None else "its new type is not said"
            return Checked(change, asset, Verdict.UNKNOWN, f"{why}, and {_many(impact)} of it may break", impact)
        if kind is Retyping.WIDER:
            return Checked(change, asset, Verdict.RISKY, f"{_many(impact)} of it get wider values", impact)
        return Checked(change, asset, Verdict.BREAKING, f"it breaks or changes {_many(impact)} of it", impact)

    def _with_keys(self, one: Checked) -> Checked:
        """The same, with the keys that point at what changes; a database refuses to drop that, or drops the keys with it."""
        threat = threat_to_keys(one)
        if one.asset is None or one.keys or threat is Verdict.SAFE:
            return one
        keys, threat, said = self._threatened(one.asset, one.change.column, threat)
        if not keys:
            return one
        why = said if one.verdict is Verdict.SAFE and one.change.kind is not ChangeKind.REPLACE else f"{one.why}, and {said}"
        return replace(one, verdict=max(one.verdict, threat, key=lambda verdict: verdict.rank), why=why, keys=keys)

    def _threatened(self, asset: Asset, column: str | None, threat: Verdict) -> tuple[tuple[Pointing, ...], Verdict, str]:
        """The keys that point at what changes; where there is none, those of which it is not known at which columns they point."""
        if column is None:
            keys = self._keys_of_others(asset)
            return keys, threat, pointed(keys)
        keys = tuple(key for key in self._keys(asset) if key.points_at(column))
        if keys:
            return keys, threat, pointed(keys)
        unsure = tuple(key for key in self._keys(asset) if not key.ref_columns)
        return unsure, Verdict.UNKNOWN, pointed(unsure, may=True)

    def _keys(self, asset: Asset) -> tuple[Pointing, ...]:
        if asset.id not in self._pointing:
            self._pointing[asset.id] = pointing_at(self._reader, self._lineage, self._scope, asset)
        return tuple(key for key in self._pointing[asset.id] if not self._went(key))

    def _went(self, key: Pointing) -> bool:
        """Whether a change before took the key away: its table, or a column of it."""
        return any((key.table.id, column) in self._dropped for column in (None, *map(str.lower, key.key.columns)))

    def _keys_of_others(self, asset: Asset) -> tuple[Pointing, ...]:
        """Without the table's own, which go where it goes."""
        return tuple(key for key in self._keys(asset) if key.table.id != asset.id)

    def _unread(self, change: SchemaChange, asset: Asset, column: str | None, impact: Impact) -> Checked:
        """Nothing is known to read it; of a column that may be because only tables are known."""
        whole = impact if column is None else self._impact(ChangeKind.DROP, asset.id, None)
        if not whole.total:
            stale = self._stale(asset.id, whole)
            if stale:
                why = f"read only by what nothing has shown for long: {stale}"
                return Checked(change, asset, Verdict.RISKY, why, whole)
            return Checked(change, asset, Verdict.SAFE, "nothing that is known reads it", impact)
        if self._columns_are_known(asset.id):
            stale = self._stale(asset.id, whole)
            why = "what reads the table does not read this column"
            if stale:
                why += f", and of what nothing has shown for long that is not known: {stale}"
                return Checked(change, asset, Verdict.RISKY, why, replace(impact, stale=whole.stale))
            return Checked(change, asset, Verdict.SAFE, why, impact)
        unclear = self._unclear(asset.id)
        if unclear is None:
            why = f"the table has {_many(whole)}, and it is not known whether they read this column"
        else:
            verb, names = "reads" if len(unclear) == 1 else "read", listed([one.name.qualified for one in unclear])
            why = f"it is not known whether {names} {verb} this column; no other reader of the table is known to"
            whole = only_through(whole, [one.id for one in unclear])
        return Checked(change, asset, Verdict.RISKY, why, whole)

    def _stale(self, asset: AssetId, whole: Impact) -> str:
        """The names of what reads a table directly and nothing has shown for long; empty where there is none."""
        if not whole.stale:
            return ""
        asked = LineageRequest(asset, self._scope, Direction.DOWNSTREAM, 1, limit=SHOWN)
        fresh = {node.id for node in self._lineage.walk(asked).nodes}
        beside = self._lineage.walk(replace(asked, stale=True)).nodes
        names = sorted(
            node.name.qualified for node in beside if node.id not in fresh and (node.id, None) not in self._dropped
        )
        return listed(names)

    def _columns_are_known(self, asset: AssetId) -> bool:
        """Whether everything that reads a table directly is a definition that was understood down to its columns."""
        return self._unclear(asset) == ()

    def _unclear(self, asset: AssetId) -> tuple[LineageNode, ...] | None:
        """What reads a table directly and is no definition that was understood; None where that is too much to look at."""
        if asset not in self._known:
            self._known[asset] = self._not_understood(asset)
        return self._known[asset]

    def _not_understood(self, asset: AssetId) -> tuple[LineageNode, ...] | None:
        beside = self._lineage.walk(LineageRequest(asset, self._scope, Direction.DOWNSTREAM, 1, limit=_READERS + 1))
        if len(beside.nodes) > _READERS:
            return None
        readers = self._reader.many([node.id for node in beside.nodes[1:]], self._scope)
        by_hand = {edge.target for edge in beside.edges if edge.source == asset and edge.kind not in _DEFINITIONS}
        understood = {id_ for id_, one in readers.items() if id_ not in by_hand and one.columns and self._is_understood(one)}
        unclear = (node for node in beside.nodes[1:] if node.id not in understood)
        return tuple(sorted(unclear, key=lambda node: node.name.qualified))

    def _is_understood(self, asset: Asset) -> bool:
        asked = LineageRequest(asset.id, self._scope, Direction.UPSTREAM, 1, limit=1, column=asset.columns[0].name)
        try:
            return self._lineage.walk(asked).state == "complete"
        except NotFound:
            return False

    def _impact(self, change: ChangeKind, asset: AssetId, column: str | None) -> Impact:
        """Who is affected, each table and column walked once: what is done to it decides nothing about that.

        What changes before have dropped, and what reads it through that alone, is not broken once more.
        """
        if (asset, column) not in self._walked:
            self._walked[asset, column] = self._walk(asset, column)
        gone = frozenset(dropped for dropped, part in self._dropped if part is None)
        cut = frozenset((asset, one) for one, sql in self._anew.items() if column is not None and not may_read(sql, column))
        return without(replace(self._walked[asset, column], change=change), gone, cut)

    def _walk(self, asset: AssetId, column: str | None) -> Impact:
        try:
            return impact_of(self._reader, self._lineage, self._scope, asset, column=column, limit=SHOWN)
        except NotFound:  # the catalog knows it, and lineage has not followed so far or never saw this column
            return _nobody(self._reader.get(asset, self._scope), ChangeKind.DROP, column)

    def _assets(self, text: str) -> tuple[Asset, ...]:
        if text not in self._named:
            self._named[text] = self._found(text)
        return self._named[text]

    def _found(self, text: str) -> tuple[Asset, ...]:
        known = parse_asset_id(text)
        if known is not None:
            return tuple(self._reader.many([known], self._scope).values())
        return self._reader.by_name(text, self._scope)


def _added(change: SchemaChange, asset: Asset) -> Checked:
    there = any(one.name.lower() == (change.column or "").lower() for one in asset.columns)
    return Checked(
        change, asset, Verdict.SAFE, "the table has it already" if there else "nothing reads a column that is new"
    )


def _near(column: str, asset: Asset) -> str:
    return did_you_mean(near_columns(column, (one.name for one in asset.columns)))


def _nobody(asset: Asset, change: ChangeKind, column: str | None) -> Impact:
    node = LineageNode(asset.id, asset.name, asset.kind, 0, listed=True)
    return Impact(node, change, column, (), 0, truncated=False, edges=())


def _only_shown(impact: Impact, column: str | None) -> bool:
    """Whether all that is affected by a column shows whole tables, so that it is not known whether it reads the column."""
    return column is not None and not impact.truncated and all(one.node.kind is Kind.EXPOSURE for one in impact.affected)


def _many(impact: Impact) -> str:
    return "1 known reader" if impact.total == 1 else f"{impact.total} known readers"
