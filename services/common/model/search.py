"""A question and its answer, as they cross between catalog and indexer.

Journey 2: the catalog asks with a scope, the indexer answers with ids, scores and reasons, the catalog hydrates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from services.common.model.access import AccessScope
from services.common.model.assets import Kind
from services.common.model.changes import Seq
from services.common.model.conditions import Condition
from services.common.model.names import AssetId
from services.common.model.vocabulary import Synonyms

MAX_FOLDED = 50
"""Of the tables under one hit so many are named; the others are counted."""


class Mode(StrEnum):
    """How an answer was found: with vectors, or by words alone."""

    HYBRID = "hybrid"
    LEXICAL = "lexical"


@dataclass(frozen=True, slots=True)
class Filters:
    """What every hit must have; within a field any of the values, between fields all. Compared without case."""

    kind: tuple[Kind, ...] = ()
    platform: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    database: tuple[str, ...] = ()
    schema: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    owner: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    quality: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether anything but `kind` is filtered on."""
        return any((self.platform, self.source, self.database, self.schema, self.tag, self.owner, self.status, self.quality))


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A question inside a scope.

    Attributes:
        text: words, a name or a question; may be empty when a filter is given.
        limit: how many hits at most, 1 to 200.
        cursor: where to go on, as an earlier answer gave it; None for the first page.
        where: what every hit must fulfil besides the filters, from what was typed; None for nothing.
        fold: whether copies, backups, date shards and near-duplicates stand under one hit.
        vocabulary: what people decided about words of this question; nothing of tables that the scope hides.
        answer_set: whether the tables that answer the question together are wanted besides the hits.

    """

    text: str
    scope: AccessScope
    limit: int = 10
    cursor: str | None = None
    filters: Filters = field(default_factory=Filters)
    where: Condition | None = None
    fold: bool = False
    vocabulary: tuple[Synonyms, ...] = ()
    answer_set: bool = False

    @property
    def digest(self) -> str:
        """What tells questions apart whose pages go on from each other: 12 hexadecimal digits."""
        text = repr((self.text, self.scope.key, self.filters, self.where, self.fold))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


class Evidence(StrEnum):
    """What says that two tables can be joined: a declared key, joins in queries that ran, or names and types alone."""

    DECLARED = "declared"
    OBSERVED = "observed"
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True)
class Join:
    """How two tables are joined.

    Attributes:
        one, other: the tables; a declared key is the first one's.
        on: pairs of a column of the first and the column of the other that it equals; empty where a declared key does
            not say which columns it refers to.
        confidence: 0 to 1, how likely these columns are a real key; 1 where it is declared.

    """

    one: AssetId
    other: AssetId
    on: tuple[tuple[str, str], ...]
    evidence: Evidence
    confidence: float


@dataclass(frozen=True, slots=True)
class AnswerSet:
    """The small set of tables that answers a question together.

    Attributes:
        tables: likeliest first; empty where nothing was found.
        joins: a tree over each piece of the set that holds together, the surest joins.
        uncovered: words of the question that no table of the set has anywhere.
        pieces: the set cut into what holds together; more than one where nothing is known to join them.
        confidence: 0 to 1, the expected F1 of the set by its tables' probabilities.

    """

    tables: tuple[AssetId, ...] = ()
    joins: tuple[Join, ...] = ()
    uncovered: tuple[str, ...] = ()
    pieces: tuple[tuple[AssetId, ...], ...] = ()
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that moved a hit: the feature's name, the words for a person, and what it added to the score."""

    feature: str
    text: str
    contribution: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One asset found. `columns` are the names of the columns that matched, best first; for `kind` = column it is its name.

    `score` is better when higher and comparable within one answer only. `folded` are the tables that stand under it, best
    first and at most `MAX_FOLDED` of the `n_folded` that there are; empty unless folding was asked for.
    """

    id: str
    asset: AssetId
    kind: Kind
    score: float
    why: tuple[Reason, ...] = ()
    columns: tuple[str, ...] = ()
    folded: tuple[AssetId, ...] = ()
    n_folded: int = 0


@dataclass(frozen=True, slots=True)
class Correction:
    """A word of a question that was taken for a typing mistake, lower case, and the word that it was read as."""

    word: str
    read_as: str


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """Hits, best first, ties in order of id.

    Attributes:
        degraded: what was missing, such as `vectors_pending` or `model_missing`; empty when nothing was.
        answerable: 0 to 1, how likely it is that anything in scope answers the question.
        generation: what the answer was read from: a published generation and the sequence number of its delta.
        total: assets in scope that pass the filters and, if the question has words, match.
        facets: field → value → how many of `total`.
        coverage: share of the texts in scope of the index that have their vector, 0 to 1.
        offset: how many hits stand on the pages before this one.
        answer_set: the tables that answer the question together; None where that was not asked for.
        corrections: words that were read otherwise than they were typed, in the question's order; of what the scope shows.
        also_called: what else the question's words are called in names that the scope shows, as `qty` is for quantity.

    """

    mode: Mode
    degraded: tuple[str, ...]
    answerable: float
    generation: str
    total: int
    hits: tuple[Hit, ...]
    facets: Mapping[str, Mapping[str, int]]
    cursor: str | None
    coverage: float
    offset: int = 0
    answer_set: AnswerSet | None = None
    corrections: tuple[Correction, ...] = ()
    also_called: tuple[str, ...] = ()


class SuggestionOf(StrEnum):
    """What a completion stands for: an asset by its name, or a concept, whose text is a filter."""

    NAME = "name"
    COLUMN = "column"
    TAG = "tag"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A completion.

    Attributes:
        text: what to put into the search box.
        kind: the kind of the asset that it names, or `column`; None for other concepts.
        asset: the asset that it names; None for concepts.

    """

    text: str
    kind: Kind | None
    asset: AssetId | None
    of: SuggestionOf = SuggestionOf.NAME


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """How far the index is.

    Attributes:
        lexical_seq: everything up to this change is found by its words.
        vector_seq: everything up to this change is found by its meaning too.
        generation: the published generation, 0 before the first.
        documents, vectors, texts: assets, distinct texts with a vector, distinct texts in all.
        model: the encoder's id, None while there is none; `problem` then says why.
        foreign: of the documents, those that are written in another language than the model's.

    """

    lexical_seq: Seq
    vector_seq: Seq
    generation: int
    documents: int
    vectors: int
    texts: int
    model: str | None
    problem: str | None = None
    foreign: int = 0
