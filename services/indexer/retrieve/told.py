"""How many different texts of a view say what a short form stands for, over all its segments: whole arrays, nothing decided.

Journey 2, step "question understood", between `evidence` and `learned`. A text that several segments have counts once, in the
first of them; what one segment says is counted where the first that knows the same pair, or short form, has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.indexer.retrieve.evidence import Evidence, evidence_of
from services.indexer.retrieve.named import Mask, Named, seen_first
from services.indexer.retrieve.view import View

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Told:
    """Counts of one segment's things, over all segments; 0 where an earlier segment counts them.

    Attributes:
        evidence: the segment's.
        texts: those that say each pair, int64 (pairs,).
        described: those beside each short form, int64 (shorts,); of all its short forms.
        candidates: those of them that say any meaning, int64 (shorts,); of all its short forms.

    """

    evidence: Evidence
    texts: Counts
    described: Counts
    candidates: Counts


def counted(view: View) -> list[Told]:
    """What is told in a view, segment by segment."""
    known = [evidence_of(part.segment) for part in view.parts]
    seen = [evidence.seen(part.tables) for evidence, part in zip(known, view.parts, strict=True)]
    texts = [
        _by_pair(evidence, mask)
        for evidence, mask in zip(known, seen_first([one.terms for one in known], seen), strict=True)
    ]
    described = [_without_meaning(evidence, found) for evidence, found in zip(known, texts, strict=True)]
    saying = [_saying(evidence, mask) for evidence, mask in zip(known, seen, strict=True)]
    once = seen_first([one.told for one in known], saying)
    candidates = [
        np.bincount(evidence.short_told[mask], minlength=len(evidence.shorts))
        for evidence, mask in zip(known, once, strict=True)
    ]
    _gather([one.pairs for one in known], texts)
    shorts = [one.shorts for one in known]
    for counts in (described, candidates):
        _gather(shorts, counts)
        _spread(shorts, counts)
    return [Told(*one) for one in zip(known, texts, described, candidates, strict=True)]


def _by_pair(evidence: Evidence, terms: Mask) -> Counts:
    if not len(terms):
        return np.zeros(0, np.int64)
    counts: Counts = np.add.reduceat(terms, evidence.pair_begin, dtype=np.int64)
    return counts


def _without_meaning(evidence: Evidence, texts: Counts) -> Counts:
    first = evidence.short_begin
    return np.where(evidence.means[first], 0, texts[first])


def _saying(evidence: Evidence, terms: Mask) -> Mask:
    out = np.zeros(len(evidence.told), dtype=np.bool_)
    places = evidence.told_of[terms]
    out[places[places >= 0]] = True
    return out


def _gather(things: Sequence[Named], counts: Sequence[Counts]) -> None:
    """Add what each segment counts to the first segment that has the same thing, in place."""
    for at, found in enumerate(counts):
        for before in range(at):
            places = things[at].places_in(things[before])
            here = np.flatnonzero((places >= 0) & (found > 0))
            counts[before][places[here]] += found[here]  # a thing has one place, so that none comes twice
            found[here] = 0


def _spread(things: Sequence[Named], counts: Sequence[Counts]) -> None:
    """Let each segment have the count of its things that an earlier one was given, in place."""
    for at, found in enumerate(counts):
        for before in range(at):
            places = things[at].places_in(things[before])
            having = places >= 0
            found[having] = np.maximum(found[having], counts[before][places[having]])
