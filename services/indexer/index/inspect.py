"""A published generation read for inspection: all that can still be read of it, damaged or not, and what is wrong at once.

For `verify`, which then compares it with the store.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.common.errors import IndexDamaged
from services.common.model.names import AssetId
from services.indexer.index.compare import Compared
from services.indexer.index.generation import Generations
from services.indexer.index.lookups import made_otherwise
from services.indexer.index.manifest import Manifest, SegmentEntry, count, live_rows
from services.indexer.index.segment import Segment
from services.indexer.index.segment_file import UNREADABLE, is_whole, open_segment, salvage_segment
from services.indexer.index.shape import misfits
from services.indexer.index.snapshot import Live


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be; `asset` is None, and `name` empty, where it belongs to no one table."""

    asset: AssetId | None
    name: str
    problem: str


@dataclass(frozen=True)
class Inspected:
    """What can be compared of a generation.

    Attributes:
        parts: its readable segments.
        where: the part and the live row of each asset in them.
        complete: whether those are all its segments.
        findings: what is wrong before any asset is looked at.

    """

    parts: tuple[tuple[Live, Compared], ...]
    where: dict[AssetId, tuple[int, int]]
    complete: bool
    findings: tuple[Finding, ...]


def inspect(generations: Generations, manifest: Manifest) -> Inspected:
    """Read every file of a generation from the disk again; what cannot be compared is a finding."""
    findings: list[Finding] = []
    parts: list[tuple[Live, Compared]] = []
    for entry in manifest.segments:
        segment, problems = _segment(generations, manifest, entry)
        findings += (Finding(None, "", problem) for problem in problems)
        if segment is not None:
            parts.append((Live(segment, live_rows(entry)), Compared(segment)))
    where: dict[AssetId, tuple[int, int]] = {}
    for at, (live, _) in enumerate(parts):
        for row, (record, counts) in enumerate(zip(live.segment.records, live.mask.tolist(), strict=True)):
            if not counts:
                continue
            if record.id in where:
                findings.append(Finding(record.id, ".".join(record.parts), "is in the index twice"))
            where[record.id] = (at, row)
    complete = len(parts) == len(manifest.segments)
    if complete and count([live for live, _ in parts]) != dict(manifest.counts):
        findings.append(Finding(None, "", f"generation {manifest.number} does not hold what its manifest counts"))
    return Inspected(tuple(parts), where, complete, tuple(findings))


def _segment(generations: Generations, manifest: Manifest, entry: SegmentEntry) -> tuple[Segment | None, list[str]]:
    folder = generations.segment_folder(entry)
    named = f"segment {entry.name}"
    problems = [
        f"{named}: the file {name} is not what was published"
        for name in entry.files
        if not is_whole(folder, name, entry.files)
    ]
    try:
        # what is damaged is read all the same: the tables in which the damage is can then be named
        if problems:
            segment = salvage_segment(folder, manifest.dimension)
        else:
            segment = open_segment(folder, entry.files, manifest.dimension)
        unfit = misfits(segment)
        otherwise = [] if unfit or problems else made_otherwise(segment)
    except (IndexDamaged, *UNREADABLE):
        return None, [*problems, f"{named}: cannot be read; its {entry.tables:,} tables were not compared"]
    if len(segment) != entry.tables or unfit:
        problems += [f"{named}: these do not fit together: {what}" for what in unfit]
        return None, [*problems, f"{named}: its {entry.tables:,} tables were not compared"]
    problems += [f"{named}: what is looked up by name is not what its records say: {one}" for one in otherwise]
    return segment, problems
