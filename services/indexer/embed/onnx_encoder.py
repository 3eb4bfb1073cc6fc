"""The encoder that serves: a converted model on onnxruntime and tokenizers, bulk and single texts, without torch.

Opens what `convert` made (or a generation brought along) and answers for `open`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import onnxruntime
import tokenizers

from services.common.errors import ModelUnavailable
from services.indexer.embed.converted import ConvertedModel
from services.indexer.embed.encoder import EncoderCounts, ModelId, Vectors, well_formed
from services.indexer.embed.query_cache import QueryCache

TOKEN_BUDGET = 1024
"""Tokens a run, at the most, unless one text has more. Measured on 2,000 column texts, one thread: 166 texts a second at
512 and 1,024, 160 at 1,536, 126 at 4,096, and 50 MB more memory at 4,096: the layers' values leave the processor's cache."""

PADDED_TOKENS = 6
"""Texts of so few tokens may be padded up to so many, to share a run: a question's words and pairs have 3 to 6. Longer texts never
are: what one of 7 tokens is then differs in the last bit."""

RUN_TOKENS = 16
"""A run takes as long as so many tokens in one that runs anyway, because all weights are read. Measured, one thread: 6.9 ms for
6 tokens, 18.2 for 40, 39.3 for 100."""

_WINDOW_TEXTS = 4096
"""Texts tokenized at a time, so that a call with a whole warehouse holds the tokens of a part of it."""

_MAX_CHARACTERS = 65_536
"""Characters of a text that are tokenized at all: 256 tokens are some 1,200 characters, and a megabyte takes 1 s."""


_State = tuple[int, int, int, int]
_held: dict[Path, tuple[_State, Any]] = {}


def hold(model: ConvertedModel) -> None:
    """Open what answers of a model need, for the encoders of processes that are forked from this one: they share its memory.

    To be called in a process with one thread; none is begun.

    Raises:
        ModelUnavailable: onnxruntime or tokenizers cannot read the files.

    """
    for graph in (model.questions, model.words):
        _held[graph] = _state(graph, model), _session(graph, 1, keeps=False)
    _held[model.tokenizer] = _state(model.tokenizer, model), _tokenizer(model)


def _held_of(file: Path, model: ConvertedModel) -> Any:
    """What `hold` opened of a model's file, as long as that is the same; None where there is nothing."""
    state, opened = _held.get(file, (None, None))
    return opened if state is not None and state == _state(file, model) else None


def _state(file: Path, model: ConvertedModel) -> _State:
    """Tells a file, and the weights beside it, from those of a model that was made anew."""
    one, weights = file.stat(), model.weights.stat()
    return one.st_ino, one.st_mtime_ns, weights.st_ino, weights.st_mtime_ns


class OnnxEncoder:
    """An `Encoder` over three onnxruntime sessions: one for texts, and two that round, for questions and for their words and pairs.

    The one for texts is opened with the first of them: a process that only answers does without its memory.

    Texts of equal token count share a run, and short ones of nearly equal count, so that hardly anything is padded. On the
    processors we tried a text's vector is then the same to the last bit whatever is encoded beside it and with however many threads.
    """

    def __init__(self, model: ConvertedModel, *, threads: int) -> None:
        """Load `model`; `threads` of the processor's are used for a run of texts, the caller's own included; for what is asked one.

        Raises:
            ModelUnavailable: onnxruntime or tokenizers cannot read the files.

        """
        self._model, self._threads = model, threads
        manifest = model.manifest
        self._model_id = manifest.model_id
        self._weights = manifest.weights_sha256
        self._dimension = manifest.dimension
        self._prompts = (manifest.query_prompt, manifest.document_prompt)
        self._sessions: dict[Path, Any] | None = {}
        self._opening = Lock()
        for graph in (model.questions, model.words):
            self._session(graph)
        self._tokenizer: Any = _held_of(model.tokenizer, model) or _tokenizer(model)
        self._queries = QueryCache()
        self._counts = EncoderCounts(0, 0)
        self._counts_lock = Lock()

    @property
    def model_id(self) -> ModelId:
        return self._model_id

    @property
    def weights(self) -> str:
        return self._weights

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def counts(self) -> EncoderCounts:
        return self._counts

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        return self._encoded(texts, self._model.graph)

    def encode_words(self, texts: Sequence[str]) -> Vectors:
        return self._encoded(texts, self._model.words)

    def _encoded(self, texts: Sequence[str], graph: Path) -> Vectors:
        vectors = np.empty((len(texts), self._dimension), dtype=np.float32)
        for begin in range(0, len(texts), _WINDOW_TEXTS):
            window = texts[begin : begin + _WINDOW_TEXTS]
            rows = self._token_ids([self._prompts[1] + text for text in window])
            for batch in _batches(rows):
                vectors[[begin + position for position in batch]] = self._run([rows[position] for position in batch], graph)
        return vectors

    def encode_query(self, text: str) -> Vectors:
        return self._queries.get(text, self._encode_query)

    def close(self) -> None:
        self._sessions = None

    def _encode_query(self, text: str) -> Vectors:
        vector: Vectors = self._run(self._token_ids([self._prompts[0] + text]), self._model.questions)[0]
        return vector

    def _session(self, graph: Path) -> Any:
        """The session of one of the model's graphs, opened when it is first asked for."""
        with self._opening:
            if self._sessions is None:
                raise ModelUnavailable(f"The encoder of {self._model_id} is closed")
            if graph not in self._sessions:
                # what is asked is short: a second thread wakes up for each product, and takes a sixth more of the processor to be no sooner
                is_asked = graph != self._model.graph
                self._sessions[graph] = (is_asked and _held_of(graph, self._model)) or _session(
                    graph, 1 if is_asked else self._threads, keeps=not is_asked
                )
            return self._sessions[graph]

    def _token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        encodings = self._tokenizer.encode_batch_fast([well_formed(text[:_MAX_CHARACTERS]) for text in texts])
        truncated = sum(
            bool(encoding.overflowing) or len(text) > _MAX_CHARACTERS
            for encoding, text in zip(encodings, texts, strict=True)
        )
        with self._counts_lock:
            self._counts = EncoderCounts(self._counts.texts + len(texts), self._counts.truncated + truncated)
        return [encoding.ids for encoding in encodings]

    def _run(self, rows: Sequence[Sequence[int]], graph: Path) -> Vectors:
        """Vectors of rows, shape (len(rows), dimension); shorter ones than the longest are padded."""
        session = self._session(graph)
        longest = max(map(len, rows))
        ids = np.array([[*row, *[0] * (longest - len(row))] for row in rows], dtype=np.int64)
        mask = (np.arange(longest) < np.array([len(row) for row in rows])[:, None]).astype(np.int64)
        (vectors,) = session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})
        return vectors  # type: ignore[no-any-return]


def _batches(rows: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Positions of rows of about one length, each batch within the token budget; the shortest first."""
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    for position, row in enumerate(rows):
        by_length[len(row)].append(position)
    _pad(by_length)
    for length in sorted(by_length):
        positions = by_length[length]
        size = max(1, TOKEN_BUDGET // max(1, length))
        for begin in range(0, len(positions), size):
            yield positions[begin : begin + size]


def _pad(by_length: dict[int, list[int]]) -> None:
    """Put short rows among the next longer short ones, where the padding takes less time than a run of their own."""
    short = sorted((length for length in by_length if length <= PADDED_TOKENS), reverse=True)
    longer = short[0] if short else 0
    for length in short[1:]:
        if len(by_length[length]) * (longer - length) <= RUN_TOKENS:
            by_length[longer] += by_length.pop(length)
        else:
            longer = length


def _session(graph: Path, threads: int, *, keeps: bool) -> Any:
    """A session of a graph; one that `keeps` has memory of its own for the values between its layers."""
    options = onnxruntime.SessionOptions()
    # what a question needs of it is taken from the process's heap as fast, and given back
    options.enable_cpu_mem_arena = keeps
    options.intra_op_num_threads = max(1, threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; warnings are about devices that we do not ask for
    # spinning keeps a core busy between questions
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # shapes differ from run to run, so that a remembered plan would never fit
    options.enable_mem_pattern = False
    try:
        return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except _runtime_errors() as error:
        raise ModelUnavailable(f"onnxruntime cannot load {graph}: {error}") from error


def _runtime_errors() -> tuple[type[Exception], ...]:
    """What onnxruntime raises for a file it cannot use; they share no base but Exception."""
    declared = vars(onnxruntime.capi.onnxruntime_pybind11_state).values()
    return tuple(value for value in declared if isinstance(value, type) and issubclass(value, Exception))


def _tokenizer(model: ConvertedModel) -> Any:
    """The tokenizer, cut at what the model reads. Shipped settings pad each text to 128 tokens: six times the work."""
    try:
        tokenizer = tokenizers.Tokenizer.from_buffer(model.tokenizer.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"{model.tokenizer} cannot be read: {error}") from error
    if tokenizer.num_special_tokens_to_add(is_pair=False) < 1:
        raise ModelUnavailable(f"{model.tokenizer} adds no token of its own, so an empty text would have no vector")
    tokenizer.no_padding()
    tokenizer.enable_truncation(model.manifest.max_tokens)
    return tokenizer
