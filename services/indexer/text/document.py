"""An asset as the index knows it: fields for words, texts for vectors, a record for filters. Pure.

Journey 1, step "document": full rebuilds and deltas both come through `document_of`, so that they cannot differ.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from sys import intern

from services.common.model.assets import Asset, Column, ForeignKey, Kind
from services.common.model.names import AssetId, ColumnId, ScopePath, column_id
from services.common.model.quality import quality_of
from services.indexer.text.abbreviations import evidence_terms
from services.indexer.text.language import outside_model
from services.indexer.text.tokens import NOWHERE, broken_words, evidence, spaced, tokens
from services.indexer.text.type_family import type_families

DOCUMENT_VERSION = 6
"""Raised whenever texts, tokens or records below change: a generation of another version is rebuilt."""
MAX_DESCRIPTION_CHARS = 1_000
"""Of a description, so much goes into the embedded text: about 250 tokens, the model's own limit."""
MAX_PHRASE_CHARS = 4_000
"""Of a description, so much is looked through for phrases, word by word in order."""
MAX_COLUMNS_IN_TEXT = 60
"""Column names in a table's embedded text; later ones are past the model's limit anyway."""


@dataclass(frozen=True, slots=True)
class Key:
    """A declared foreign key: columns of a table, and what they refer to, whether that was crawled or not.

    Attributes:
        columns: names in the table.
        target: the table that they refer to.
        ref_columns: names in that table, one for each of `columns`; empty where the source does not say, which by the
            SQL standard (ISO 9075-2, 11.8) means its primary key.

    """

    columns: tuple[str, ...]
    target: AssetId
    ref_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """What filters, facets, names, joins and reasons need of a table; everything else is hydrated from the catalog.

    Attributes:
        updated: the day (UTC) of the last change that the source tells of, as `date.toordinal`; None where it tells none.
        quality: the worst outcome of its tests, as in `model/quality`; None where it has none.
        description: its first `MAX_PHRASE_CHARS`, for phrases; words are in the postings.
        types: a letter a column, see `type_family`.
        primary_key: names of columns, empty where none is declared.
        documented: how many columns have a description.
        rows: the source's estimate, None where it has none.
        foreign: whether it is written in another language than the model's, see `language`.

    `updated` and `rows` are those of the table's last change in the feed: a crawl that finds nothing else changed renews
    them in the catalog and brings no change, so they may be old.

    """

    id: AssetId
    kind: Kind
    scope_path: ScopePath
    parts: tuple[str, ...]
    platform: str
    source: str
    tags: tuple[str, ...]
    owners: tuple[str, ...]
    status: str | None
    columns: tuple[str, ...]
    column_ids: tuple[ColumnId, ...]
    restricted: tuple[bool, ...]
    updated: int | None = None
    quality: str | None = None
    description: str | None = None
    types: str = ""
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[Key, ...] = ()
    documented: int = 0
    rows: int | None = None
    foreign: bool = False


FIGURES = ("updated", "rows")
"""The fields of a record that the catalog renews without a change in its feed."""


@dataclass(frozen=True, slots=True)
class Document:
    """A table ready for the index.

    Attributes:
        name, description, column_words, tag_words: tokens of the four lexical fields; restricted columns left out.
        text: what is embedded for the table.
        name_text: what is embedded for its name alone: a question may say the name and nothing else of it.
        column_tokens: per column, tokens of its name and of its description.
        column_texts: per column, what is embedded; equal texts share one vector.
        evidence: what its names and descriptions say about abbreviations.

    """

    record: Record
    name: tuple[str, ...]
    description: tuple[str, ...]
    column_words: tuple[str, ...]
    tag_words: tuple[str, ...]
    text: str
    name_text: str
    column_tokens: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    column_texts: tuple[str, ...]
    evidence: tuple[str, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """Every text that wants a vector."""
        return (self.text, self.name_text, *self.column_texts)


def document_of(asset: Asset) -> Document:
    """The document of an asset that exists."""
    used = words_used(asset)
    nearby = [evidence(column.name, used) for column in asset.columns]
    columns = [
        _column_tokens(column.name, column.description or "", near)
        for column, near in zip(asset.columns, nearby, strict=True)
    ]
    shown = [pair for pair, column in zip(columns, asset.columns, strict=True) if not column.restricted]
    return Document(
        record=_record(asset),
        name=tuple(token for part in asset.name.parts for token in tokens(part, evidence(part, used))),
        description=tuple(tokens(asset.description or "")),
        column_words=tuple(token for name, description in shown for token in (*name, *description)),
        tag_words=tuple(token for word in (*asset.tags, *asset.owners) for token in tokens(word)),
        text=table_text(asset, used, nearby),
        name_text=spaced(asset.table, evidence(asset.table, used)),
        column_tokens=tuple(columns),
        column_texts=tuple(column_text(column, near) for column, near in zip(asset.columns, nearby, strict=True)),
        evidence=evidence_terms(asset),
    )


def words_used(asset: Asset) -> frozenset[str]:
    """The words that a table is known to use, as evidence for where its glued names break; restricted columns left out."""
    shown = (column.name for column in asset.columns if not column.restricted)
    return broken_words((asset.table, *shown), asset.description or "")


def table_text(asset: Asset, used: frozenset[str], nearby: Sequence[frozenset[str]]) -> str:
    """What is embedded for a table: name, description, the names of its columns that are not restricted."""
    columns = zip(asset.columns, nearby, strict=True)
    shown = [spaced(column.name, near) for column, near in columns if not column.restricted]
    parts = [spaced(asset.table, evidence(asset.table, used))]
    if asset.description:
        parts.append(asset.description[:MAX_DESCRIPTION_CHARS])
    if shown:
        parts.append(", ".join(shown[:MAX_COLUMNS_IN_TEXT]))
    return ". ".join(parts)


def column_text(column: Column, nearby: frozenset[str] = NOWHERE) -> str:
    """What is embedded for a column, without its table: equal columns of many tables are encoded once."""
    name = spaced(column.name, nearby)
    if not column.description:
        return name
    return f"{name}: {column.description[:MAX_DESCRIPTION_CHARS]}"


def text_hash(text: str) -> bytes:
    """16 bytes that stand for a text in the embedding cache and in a generation."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


@lru_cache(maxsize=32_768)
def _column_tokens(name: str, description: str, nearby: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    # a warehouse has the same columns in many tables: of 82,854 columns of real schemas 14,067 were distinct
    return tuple(tokens(name, nearby)), tuple(tokens(description))


def _record(asset: Asset) -> Record:
    own_id, platform = asset.id, asset.platform
    return Record(
        id=own_id,
        kind=asset.kind,
        scope_path=asset.scope_path,
        parts=asset.name.parts,
        platform=platform.name,
        source=asset.source,
        tags=asset.tags,
        owners=asset.owners,
        status=asset.status.value if asset.status else None,
        # a warehouse has the same column names in many tables: each is kept once
        columns=tuple(intern(column.name) for column in asset.columns),
        column_ids=tuple(column_id(own_id, column.name, platform) for column in asset.columns),
        restricted=tuple(column.restricted for column in asset.columns),
        updated=asset.last_altered.astimezone(dt.UTC).toordinal() if asset.last_altered else None,
        quality=quality_of(asset.properties),
        description=(asset.description or "")[:MAX_PHRASE_CHARS] or None,
        types=intern(type_families(column.type for column in asset.columns)),
        primary_key=tuple(map(intern, asset.primary_key)),
        foreign_keys=tuple(
            Key(tuple(map(intern, key.columns)), asset.referred(key).id, tuple(map(intern, _paired(key))))
            for key in asset.foreign_keys
        ),
        documented=sum(bool(column.description) for column in asset.columns),
        rows=asset.rows,
        foreign=outside_model(_told(asset)),
    )


def _told(asset: Asset) -> Iterator[str]:
    """The names and descriptions of a table that all its readers see."""
    yield from (asset.table, (asset.description or "")[:MAX_DESCRIPTION_CHARS])
    for column in asset.columns[:MAX_COLUMNS_IN_TEXT]:
        if not column.restricted:
            yield from (column.name, (column.description or "")[:MAX_DESCRIPTION_CHARS])


def _paired(key: ForeignKey) -> tuple[str, ...]:
    return key.ref_columns if len(key.ref_columns) == len(key.columns) else ()
