"""How a crawl ends: the verdict on what it did not show, carried out in commits of bounded size.

Journey 1, the last step on the catalog's side; `absence` decides, `store.ending` writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from services.catalog.absence import Verdict
from services.catalog.store import crawl_changes, crawled, crawls, layers, renames
from services.catalog.store import ending as rows
from services.catalog.store.crawled import Sighting
from services.common.model.crawls import CrawlState, TableCounts
from services.common.model.names import AssetId

RENAMES_AT_ONCE = 200
"""Tables moved in one commit: each takes about 9 ms on SQLite, and a renamed schema renames all that is in it."""


@dataclass(slots=True)
class Ending:
    """What is left to do until a crawl has ended.

    Attributes:
        state: what the crawl ends as.
        lines: what its report says of it.

    """

    state: CrawlState
    lines: list[str] = field(default_factory=list)
    _whole: bool = False
    _verdict: Verdict = field(default_factory=Verdict)
    _layers: list[AssetId] = field(default_factory=list)

    @classmethod
    def of(cls, connection: Connection, sighting: Sighting, state: CrawlState) -> Ending:
        """The ending of a crawl that was asked to end as `state`; nothing is written yet."""
        if state is CrawlState.FAILED:
            return cls(state)
        whole = state is CrawlState.COMPLETE
        info = crawls.info(connection, sighting.source)
        share = info.hold_share if info is not None else 1.0
        verdict = rows.verdict(connection, sighting, whole=whole, hold_share=share)
        stale = layers.absent(connection, sighting) if whole and sighting.into is not None else []
        ending = cls(state, _whole=whole, _verdict=verdict, _layers=stale)
        if verdict.held:
            ending.state = CrawlState.PARTIAL
            ending.lines.append(
                f"{len(verdict.held):,} of {verdict.total:,} tables were not there any more: held until somebody says yes with "
                f"`headwater crawls accept {sighting.crawl}`; they are still found"
            )
        if verdict.proposals:
            ending.lines.append(
                f"{len(verdict.proposals):,} tables may have got another name: `headwater renames` asks for your word"
            )
        return ending

    def step(self, connection: Connection, sighting: Sighting) -> tuple[list[AssetId], TableCounts, bool]:
        """Write the next part; returns what looks different now, the numbers, and whether there is more."""
        verdict = self._verdict
        some, verdict.gone = verdict.gone[: rows.AT_ONCE], verdict.gone[rows.AT_ONCE :]
        gone = rows.bury(connection, some, sighting)
        if verdict.gone:
            return gone, TableCounts(gone=len(gone)), True
        some_moved = dict(list(verdict.renamed.items())[:RENAMES_AT_ONCE])
        new = crawl_changes.ids(connection, sighting.crawl, ("added",)).intersection(some_moved.values())
        moved = self._move(connection, some_moved, sighting)
        # counted when they were shown, before it was known what they had been
        found = TableCounts(gone=len(gone), added=-len(new), changed=len(new))
        if verdict.renamed:
            return list(dict.fromkeys([*gone, *moved])), found, True
        marked = rows.mark_unseen(connection, verdict.unseen, sighting)
        held = rows.hold(connection, verdict.held, sighting, whole=self._whole)
        rows.propose(connection, verdict.proposals, sighting)
        layers.drop(connection, sighting.source, self._layers)
        layers.rekey(connection, self._layers)
        crawled.revise(connection, self._layers)
        counts = found + TableCounts(unseen=len(verdict.unseen), held=len(verdict.held))
        ids = dict.fromkeys([*gone, *moved, *marked, *held, *self._layers])
        return list(ids), counts, False

    def _move(self, connection: Connection, some: Mapping[AssetId, AssetId], sighting: Sighting) -> list[AssetId]:
        moved: list[AssetId] = []
        for old, new in some.items():
            del self._verdict.renamed[old]
            moved += renames.move(connection, old, new, crawl=sighting.crawl, at=sighting.at)
            crawl_changes.record(connection, sighting.crawl, {new: ("renamed", renames.old_name(connection, old))})
        return moved
