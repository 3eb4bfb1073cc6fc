"""Indexes that somebody damaged: published with faults, their files, and the proof that a repair mended them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.manifest import describe
from services.indexer.index.segment import Segment
from services.indexer.index.snapshot import Live
from services.indexer.verify import VerifyReport
from tests.support.indexes import Home


def named(report: VerifyReport) -> set[str]:
    """The names of the tables that findings are about."""
    return {finding.name for finding in report.findings if finding.asset is not None}


def files_of(home: Home) -> Path:
    """The folder of the only published segment."""
    entry = home.opened().current().segments[0]
    return home.opened().segment_folder(entry)


def publish(home: Home, change: Callable[[Segment], Segment], *, mask: NDArray[np.bool_] | None = None) -> None:
    """Publish, with sums that are right, what a fault in the program might have made of the published segment."""
    generations = home.opened()
    manifest = generations.current()
    (live,) = generations.open(manifest)
    segment = change(live.segment)
    part = Live(segment, np.ones(len(segment), dtype=np.bool_) if mask is None else mask)
    model = (manifest.model, manifest.weights)
    entry, _ = generations.write(segment)
    fresh = describe(
        manifest.number + 1,
        [(entry, part)],
        model=model,
        dimension=manifest.dimension,
        seq=manifest.seq,
        fence=manifest.fence,
    )
    generations.publish(fresh, may=lambda: True)


def mended(home: Home) -> None:
    """The repair leaves a newer generation that holds what the store holds, and a search finds all of it."""
    before = home.opened().highest()
    home.repair(home.verify(sample=1000))
    report = home.verify(sample=1000)
    assert report.findings == ()
    assert report.generation > before or before == 0
    assert (report.checked, report.pending) == (sum(one is not None for one in home.feed.assets.values()), 0)
    keeper = home.keeper()
    assert keeper.reopen()
    assert keeper.snapshot.n_tables == report.checked
