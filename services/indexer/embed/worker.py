"""An encoder for models that the converter does not know: sentence-transformers in a process beside this one.

The serving process never imports torch; a worker that dies or hangs is killed, started again and asked once more.
"""

from __future__ import annotations

import json
import multiprocessing
import weakref
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Lock
from typing import Any

import numpy as np

from services.common.errors import ModelUnavailable
from services.common.runtime.logs import get_logger
from services.indexer.embed.encoder import EncoderCounts, ModelId, Vectors
from services.indexer.embed.model_files import ModelFiles
from services.indexer.embed.query_cache import QueryCache
from services.indexer.embed.reference import serve_reference

_log = get_logger(__name__)

START_TIMEOUT_S = 180.0
"""Until the model is loaded: importing torch took up to 21 s on two cold cores."""

ANSWER_TIMEOUT_S = 120.0
"""For one request of at most `_REQUEST_TEXTS` texts, some 2 s for the default model's size."""

_REQUEST_TEXTS = 64
"""Texts in a request: a question waits for one of them at the most."""

_STOP_TIMEOUT_S = 5.0


class WorkerEncoder:
    """An `Encoder` over one worker process, which starts with it, in the background, and is ended at exit."""

    def __init__(self, files: ModelFiles, *, threads: int) -> None:
        """Start the worker for the model in `files`; returns before it is ready."""
        self._files = files
        self._threads = threads
        self._queries = QueryCache()
        self._counts = EncoderCounts(0, 0)
        self._lock = Lock()  # one request at a time
        self._refusal: ModelUnavailable | None = None  # a model that cannot be loaded is not tried again
        self._closed = False
        self._worker: _Worker | None = _Worker(files, threads)

    @property
    def model_id(self) -> ModelId:
        return self._files.model_id

    @property
    def weights(self) -> str:
        return self._files.weights_sha256

    @property
    def dimension(self) -> int:
        return self._files.dimension

    @property
    def counts(self) -> EncoderCounts:
        return self._counts

    @property
    def worker_pid(self) -> int | None:
        """The process that works now; None while there is none."""
        worker = self._worker
        return worker.pid if worker else None

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for begin in range(0, len(texts), _REQUEST_TEXTS):
            request = texts[begin : begin + _REQUEST_TEXTS]
            vectors[begin : begin + len(request)] = self._ask(request, query=False)
        return vectors

    def encode_words(self, texts: Sequence[str]) -> Vectors:
        return self.encode_documents(texts)

    def encode_query(self, text: str) -> Vectors:
        return self._queries.get(text, lambda asked: self._ask([asked], query=True)[0])

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._worker:
                self._worker.stop()
                self._worker = None

    def _ask(self, texts: Sequence[str], *, query: bool) -> Vectors:
        with self._lock:
            if self._closed:
                raise ModelUnavailable(f"The encoder of {self.model_id} is closed")
            if self._refusal:
                raise self._refusal
            try:
                vectors, truncated = self._current().ask(texts, query=query)
            except _ModelRefused as refusal:
                self._refusal = refusal
                raise
            except _WorkerLost as lost:
                _log.warning("encoder worker is started again", model=self.model_id, reason=str(lost))
                vectors, truncated = self._ask_again(texts, query=query)
            self._counts = EncoderCounts(self._counts.texts + len(texts), self._counts.truncated + truncated)
            return vectors

    def _ask_again(self, texts: Sequence[str], *, query: bool) -> tuple[Vectors, int]:
        self._drop()
        try:
            return self._current().ask(texts, query=query)
        except _WorkerLost as lost:
            self._drop()
            raise ModelUnavailable(f"The worker that encodes with {self.model_id} was lost twice: {lost}") from lost

    def _current(self) -> _Worker:
        if self._worker is None:
            self._worker = _Worker(self._files, self._threads)
        return self._worker

    def _drop(self) -> None:
        if self._worker:
            self._worker.stop()
            self._worker = None


class _WorkerLost(Exception):
    """The process died, hung, or says what nobody asked."""


class _ModelRefused(ModelUnavailable):
    """The worker runs, but sentence-transformers cannot load the model."""


class _Worker:
    """One process and the line to it. `ask` waits for the model the first time."""

    def __init__(self, files: ModelFiles, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        process = context.Process(
            target=serve_reference, args=(theirs, str(files.folder), threads), name="headwater-encoder", daemon=True
        )
        process.start()
        theirs.close()  # so that the worker's death is the end of the stream here
        self.pid = process.pid
        self._dimension = files.dimension
        self._ready = False
        self.stop = weakref.finalize(self, _stop, process, self._connection)  # runs once, at exit at the latest

    def ask(self, texts: Sequence[str], *, query: bool) -> tuple[Vectors, int]:
        """The rows of `texts` and how many texts were cut.

        Raises:
            _WorkerLost: the process is of no more use.
            ModelUnavailable: it says that it cannot; asking it again would not help.

        """
        try:
            if not self._ready:
                self._await_model()
            self._connection.send_bytes(json.dumps({"query": query, "texts": list(texts)}).encode())
            answer = self._receive(ANSWER_TIMEOUT_S)
            rows = np.frombuffer(self._bytes(ANSWER_TIMEOUT_S), dtype=np.float32)
        except (EOFError, OSError) as error:
            raise _WorkerLost(f"the process ended ({type(error).__name__})") from error
        if rows.size != len(texts) * self._dimension:
            raise _WorkerLost("it sent another number of vectors than there were texts")
        return rows.reshape(len(texts), self._dimension).copy(), int(answer["truncated"])

    def _await_model(self) -> None:
        try:
            dimension = self._receive(START_TIMEOUT_S)["dimension"]
        except ModelUnavailable as error:
            raise _ModelRefused(error.detail) from error
        if dimension != self._dimension:
            raise _ModelRefused(f"The model's vectors have {dimension} numbers, its settings say {self._dimension}")
        self._ready = True

    def _receive(self, timeout_s: float) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._bytes(timeout_s))
        if "error" in message:
            raise ModelUnavailable(str(message["error"]))
        return message

    def _bytes(self, timeout_s: float) -> bytes:
        if not self._connection.poll(timeout_s):
            raise _WorkerLost(f"no answer within {timeout_s:.0f} s")
        return self._connection.recv_bytes()


def _stop(process: BaseProcess, connection: Connection) -> None:
    """Hang up, which ends the worker; kill it where it does not end."""
    connection.close()
    process.join(_STOP_TIMEOUT_S if process.is_alive() else 0)
    if process.is_alive():
        process.kill()
        process.join()
