"""Makes a model's ONNX form once and keeps it under the home's `models/<sha256>/`, whole or not at all.

Between `model_files` (what the settings name) and `onnx_encoder` (which opens the folder). No torch: half a second for the default.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from services.common.errors import ModelUnavailable
from services.common.runtime.logs import get_logger
from services.common.runtime.sums import file_sha256
from services.indexer.embed.adapter import Adapted
from services.indexer.embed.architecture import read_architecture
from services.indexer.embed.converted import (
    CONVERTER_VERSION,
    GRAPH_FILE,
    QUESTIONS_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    WORDS_FILE,
    ConvertedModel,
    Manifest,
    open_converted,
    write_manifest,
)
from services.indexer.embed.model_files import ModelFiles
from services.indexer.embed.safetensors_file import Tensors

_log = get_logger(__name__)

_MAKING = ".making"
_LOCK = ".lock"


def ensure_converted(files: ModelFiles, models: Path) -> ConvertedModel:
    """The model's folder under `models`, made where there is none and made again where it is damaged.

    Of several processes that do this at once, one converts and the others wait for it.

    Raises:
        UnknownArchitecture: the converter cannot express the model.
        ModelUnavailable: the model is damaged, or `models` cannot be written.

    """
    target = models / files.sha256
    with suppress(ModelUnavailable):  # the usual case needs no lock, and no right to write
        return _current(target)
    read_architecture(files)  # an unknown model leaves no folder behind
    try:
        models.mkdir(parents=True, exist_ok=True)
        with _locked(models / _LOCK):
            return _made(files, target)
    except OSError as error:
        with suppress(ModelUnavailable):  # what another version of the converter made still encodes, though not as fast
            return open_converted(target)
        raise ModelUnavailable(
            f"The converted model cannot be kept under {models}: {error.strerror or error}. Make the folder writable."
        ) from error


def _made(files: ModelFiles, target: Path) -> ConvertedModel:
    """The model in `target`, converted unless another process did so while this one waited for the lock."""
    if target.exists():
        try:
            return _current(target)
        except ModelUnavailable as error:
            _log.warning("converted model is made again", model=files.model_id, reason=error.detail)
    began = time.monotonic()
    making = target.with_name(_MAKING)
    shutil.rmtree(making, ignore_errors=True)  # left by a process that died
    try:
        making.mkdir()
        convert(files, making)
        if target.exists():
            shutil.rmtree(target)
        making.rename(target)
        _force(target.parent)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    _log.info("model converted", model=files.model_id, seconds=round(time.monotonic() - began, 2))
    return _current(target)


def _current(folder: Path) -> ConvertedModel:
    """The model in `folder`, made by this version of the converter."""
    found = open_converted(folder)
    if found.manifest.converter_version != CONVERTER_VERSION:
        raise ModelUnavailable(f"The converted model in {folder} was made by version {found.manifest.converter_version}")
    return found


def convert(files: ModelFiles, folder: Path) -> None:
    """Write graphs, weights, tokenizer and manifest into the empty `folder`, all forced to the disk.

    Raises:
        UnknownArchitecture: the converter cannot express the model.
        ModelUnavailable: its weights are damaged.
        OSError: `folder` cannot be written.

    """
    # onnx and protobuf load here alone: a model is made once, and what opens it needs neither
    import onnx  # noqa: PLC0415

    from services.indexer.embed.bert_graph import bert_graphs  # noqa: PLC0415

    architecture = read_architecture(files)
    with (folder / WEIGHTS_FILE).open("wb") as weights:
        graphs = bert_graphs(architecture, _tensors(files), weights, WEIGHTS_FILE)
    for name, graph in zip((GRAPH_FILE, QUESTIONS_FILE, WORDS_FILE), graphs, strict=True):
        (folder / name).write_bytes(graph.SerializeToString(deterministic=True))
        onnx.checker.check_model(str(folder / name))
    shutil.copyfile(files.tokenizer, folder / TOKENIZER_FILE)
    names = (GRAPH_FILE, QUESTIONS_FILE, WORDS_FILE, WEIGHTS_FILE, TOKENIZER_FILE)
    for name in names:
        _force(folder / name)
    write_manifest(
        folder,
        Manifest(
            converter_version=CONVERTER_VERSION,
            model_id=files.model_id,
            source_sha256=files.sha256,
            weights_sha256=files.weights_sha256,
            dimension=architecture.hidden,
            max_tokens=min(files.max_tokens, architecture.positions),
            query_prompt=files.query_prompt,
            document_prompt=files.document_prompt,
            files={name: file_sha256(folder / name) for name in names},
        ),
    )
    _force(folder)


def _tensors(files: ModelFiles) -> Tensors | Adapted:
    base = Tensors(files.weights)
    return base if files.adapter is None else Adapted(base, Tensors(files.adapter))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the file lock at `path`, waiting for it; it falls with the process, however that ends."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _force(path: Path) -> None:
    """Have the disk hold `path` (a file, or a folder's entries) before anything refers to it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
