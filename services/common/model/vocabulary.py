"""Words that belong together: what people decided (curation) and what a catalog teaches about itself (proposals).

Decided by people through the catalog, handed to the indexer with the question; proposals come back from the indexer.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Synonyms:
    """What people decided about one term.

    Attributes:
        term: as people write it.
        synonyms: other names of the same; the first is the one that it is spelled out with.
        rejected: meanings that nobody may take it for, although the catalog's own words say so.

    """

    term: str
    synonyms: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A short form with the meaning that descriptions in the caller's scope give it.

    Attributes:
        term: lower case letters.
        meaning: a word, or words with single spaces.
        evidence: how many different descriptions say so.
        confidence: above 0, below 1.

    """

    term: str
    meaning: str
    evidence: int
    confidence: float
