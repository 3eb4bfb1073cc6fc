"""The indexer's part of a bundle, opened for reading: a generation, its encoder, words and ranker. Nothing is ever written.

Journey 2 as a sidecar answers it. Imports neither the converter nor the crawler, so that a sidecar starts in a second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.common.errors import IndexDamaged
from services.common.model.access import AccessScope
from services.common.model.names import AssetId
from services.common.model.search import IndexStatus
from services.indexer.embed.converted import open_converted
from services.indexer.embed.encoder import Encoder
from services.indexer.embed.hashing import HASHING_MODEL, HashingEncoder
from services.indexer.embed.onnx_encoder import OnnxEncoder
from services.indexer.index.generation import Generations
from services.indexer.index.shape import misfits
from services.indexer.index.snapshot import Snapshot
from services.indexer.index.vectors import set_threads
from services.indexer.retrieve.answer import Retriever
from services.indexer.retrieve.ranker_file import RankerFile
from services.indexer.text import segmenter
from services.indexer.text.document import DOCUMENT_VERSION

INDEX, MODEL, WORDS = "index", "model", "words.txt"
"""Where the parts lie in a bundle, beside `ranker.json`."""


class BundledIndex:
    """Answers from a bundle's index, whose files were compared with the bundle's sums.

    Args:
        folder: the bundle's.
        threads: for one question's encoding.
        popular: gives how much each table is used inside a scope.

    Raises:
        IndexDamaged: it cannot be read, or another version of Headwater made it.
        ModelUnavailable: its encoder cannot be read.

    """

    def __init__(
        self,
        folder: Path,
        *,
        threads: int,
        popular: Callable[[AccessScope], Mapping[AssetId, float]] = lambda _scope: {},
    ) -> None:
        set_threads(1)  # questions run side by side
        generations = Generations(folder / INDEX, proven=True)
        manifest = generations.current()
        if manifest is None:
            raise IndexDamaged(f"{folder} holds no generation; export the bundle again")
        with ThreadPoolExecutor(1) as beside:  # onnxruntime works on a core of its own meanwhile
            encoder = beside.submit(_encoder, folder / MODEL, manifest.model, threads)
            _use_words(folder / WORDS)
            if manifest.documents != DOCUMENT_VERSION or manifest.words != segmenter.word_list():
                raise IndexDamaged(
                    f"the index in {folder} was made by another version of Headwater; export the bundle again"
                )
            self.snapshot = Snapshot(generations.open(manifest), manifest.number, manifest.seq, manifest.dimension)
            self._encoder = encoder.result()
        ranker = RankerFile(folder).current()  # read once: another bundle may take the folder's name later
        self.retriever = Retriever(
            lambda: self.snapshot, lambda _snapshot: self._encoder, self.status, lambda: ranker, popular
        )

    def status(self) -> IndexStatus:
        """How far the index is: as far as the bundle."""
        known = self.snapshot
        done, every = known.coverage
        model = self._encoder.model_id
        return IndexStatus(known.seq, known.seq, known.generation, known.n_tables, done, every, model, None, known.n_foreign)

    def prepare(self) -> None:
        """Make what the first questions would wait for: names, and one question through all steps."""
        for live in self.snapshot.parts:
            live.segment.prepare_names()
        self._encoder.encode_query("ready")

    def examine(self) -> None:
        """Read everything that answers read.

        Raises:
            IndexDamaged: parts of it do not fit together.

        """
        for live in self.snapshot.parts:
            wrong = misfits(live.segment)
            if wrong:
                raise IndexDamaged(f"these parts of the index do not fit together: {', '.join(wrong)}")
            for texts in (live.segment.texts, live.segment.column_texts):
                if len(texts.vectors):
                    texts.vectors.search(self._encoder.encode_query("examined"), 3)
        self.prepare()

    def close(self) -> None:
        """Let go of the encoder."""
        self._encoder.close()


def _use_words(file: Path) -> None:
    """Split names as the bundle's index did: one word list a process, since what was split is remembered."""
    words = file.read_text(encoding="utf-8").split("\n") if file.exists() else []
    if not segmenter.use_vocabulary(words):
        raise IndexDamaged("this bundle splits names with another word list than the one before; start the sidecar again")


def _encoder(folder: Path, model: str | None, threads: int) -> Encoder:
    if model is not None and model.startswith(f"{HASHING_MODEL}@"):
        return HashingEncoder()
    encoder = OnnxEncoder(open_converted(folder, proven=True), threads=threads)
    if encoder.model_id != model:
        raise IndexDamaged(f"the encoder in the bundle is {encoder.model_id}, and its index belongs to {model}")
    return encoder
