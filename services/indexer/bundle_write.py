"""The indexer's part of a bundle, written: one generation made of the assets that are in it, its encoder, words and ranker.

The documents are made anew from what the bundle's own catalog shows, so that nothing a scope hides can be in their words.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.common.errors import ModelUnavailable
from services.common.model.assets import Asset
from services.common.model.changes import Seq
from services.common.runtime.db import Database
from services.indexer.bundle_read import INDEX, MODEL, WORDS
from services.indexer.embed.convert import ensure_converted
from services.indexer.embed.encoder import Encoder
from services.indexer.embed.model_files import default_vocabulary, locate
from services.indexer.embed.onnx_encoder import OnnxEncoder
from services.indexer.embed.open import open_encoder
from services.indexer.embed.worker import WorkerEncoder
from services.indexer.index.generation import Generations
from services.indexer.index.manifest import describe
from services.indexer.index.segment import Lookup, Segment, build_segment, merge_segments, with_vectors
from services.indexer.index.snapshot import Live
from services.indexer.retrieve.ranker_file import FILE as RANKER
from services.indexer.retrieve.ranker_file import RankerFile
from services.indexer.store.cache import EmbeddingCache
from services.indexer.text.document import Document, document_of, text_hash


@dataclass(frozen=True, slots=True)
class IndexSource:
    """Whose index it is: the home, the model of its settings, threads to encode with, the indexer's own database."""

    home: Path
    model: str
    threads: int
    database: Database


@dataclass(frozen=True, slots=True)
class IndexCopy:
    """What was written: the generation that the home had published, the encoder's id, texts and how many were encoded anew."""

    generation: int
    model: str
    texts: int
    encoded: int


def write_index(origin: IndexSource, folder: Path, pages: Iterable[Sequence[Asset]], seq: Seq) -> IndexCopy:
    """Write the generation, the encoder, the words and the ranker into an existing folder.

    Texts that have no vector yet are encoded here, so that a bundle always answers by meaning.

    Args:
        origin: see above.
        folder: the bundle's.
        pages: the assets in it, as its readers see them.
        seq: the catalog's newest change that is in them.

    Raises:
        ModelUnavailable: the model cannot be read, or is one that cannot travel (only sentence-transformers runs it).
        ServiceUnavailable: the disk does not take it.

    """
    encoder = open_encoder(origin.model, origin.home / "models", threads=origin.threads)
    try:
        _write_encoder(origin, encoder, folder / MODEL)
        cache = EmbeddingCache(origin.database, encoder.model_id)
        segment, encoded = _built(pages, cache, encoder)
        number = Generations(origin.home / INDEX).number() or 0
        generations = Generations(folder / INDEX)
        live = Live(segment, np.ones(len(segment), dtype=np.bool_))
        parts = [(generations.write(segment)[0], live)] if len(segment) else []
        model = (encoder.model_id, encoder.weights)
        generations.publish(
            describe(number, parts, model=model, dimension=encoder.dimension, seq=seq, fence=0), may=lambda: True
        )
    finally:
        encoder.close()
    _write_words(folder / WORDS)
    (folder / RANKER).write_text(RankerFile(origin.home).current().to_text(), encoding="utf-8")
    texts = len(segment.texts.row) + len(segment.column_texts.row)
    return IndexCopy(number, encoder.model_id, texts, encoded)


def _built(pages: Iterable[Sequence[Asset]], cache: EmbeddingCache, encoder: Encoder) -> tuple[Segment, int]:
    """All pages as one segment, and how many of its texts had to be encoded."""
    segments: list[Segment] = []
    encoded = 0
    for page in pages:
        documents = [document_of(asset) for asset in page]
        segment = build_segment(documents, cache.lookup, encoder.dimension)
        fresh = _encoded(documents, set(segment.missing()), encoder)
        encoded += len(fresh)
        segments.append(with_vectors(segment, _known(fresh)) if fresh else segment)
    if len(segments) != 1:
        every = [np.ones(len(segment), dtype=np.bool_) for segment in segments]
        segments = [merge_segments(segments, every) if segments else build_segment([], cache.lookup, encoder.dimension)]
    return segments[0], encoded


def _encoded(documents: Sequence[Document], missing: set[bytes], encoder: Encoder) -> dict[bytes, NDArray[np.float16]]:
    if not missing:
        return {}
    texts = {text_hash(text): text for document in documents for text in document.texts}
    wanted = sorted(missing)
    vectors = encoder.encode_documents([texts[one] for one in wanted])
    return dict(zip(wanted, vectors.astype(np.float16), strict=True))


def _known(vectors: Mapping[bytes, NDArray[np.float16]]) -> Lookup:
    return lambda hashes: {one: vectors[one] for one in hashes if one in vectors}


def _write_encoder(origin: IndexSource, encoder: Encoder, folder: Path) -> None:
    """The converted model's files; nothing for an encoder that has none."""
    if isinstance(encoder, WorkerEncoder):
        raise ModelUnavailable(
            f"{encoder.model_id} runs on sentence-transformers alone, and a bundle answers without it; "
            "set `model` to one that Headwater converts"
        )
    if isinstance(encoder, OnnxEncoder):
        converted = ensure_converted(locate(origin.model), origin.home / "models")
        folder.mkdir()
        for name in converted.file_names:
            shutil.copyfile(converted.folder / name, folder / name)


def _write_words(file: Path) -> None:
    """The word list that glued names were split with, so that questions are split the same; nothing where there is none."""
    try:
        words = default_vocabulary()
    except ModelUnavailable:
        return
    file.write_text("\n".join(words), encoding="utf-8")
