"""Opens the encoder that the settings name: the last step before texts become vectors.

The converter's graph on onnxruntime where it knows the model, a worker with sentence-transformers where it does not.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from services.common.errors import ModelUnavailable
from services.common.runtime.logs import get_logger
from services.indexer.embed.architecture import UnknownArchitecture
from services.indexer.embed.convert import ensure_converted
from services.indexer.embed.encoder import Encoder
from services.indexer.embed.hashing import HASHING_MODEL, HashingEncoder
from services.indexer.embed.model_files import locate
from services.indexer.embed.onnx_encoder import OnnxEncoder
from services.indexer.embed.worker import WorkerEncoder

_log = get_logger(__name__)


def open_encoder(model: str, home_models: Path, *, threads: int) -> Encoder:
    """The encoder for the setting `model`; its converted form is kept under `home_models`, the home's `models` folder.

    Takes 0.2 s for a model that was converted before, 0.7 s the first time. Close it when done.

    Raises:
        ModelUnavailable: missing, damaged, or unknown to the converter with no sentence-transformers to turn to.

    """
    if model == HASHING_MODEL:
        return HashingEncoder()
    files = locate(model)
    try:
        return OnnxEncoder(ensure_converted(files, home_models), threads=threads)
    except UnknownArchitecture as unknown:
        if find_spec("sentence_transformers") is None:
            raise ModelUnavailable(
                f"{unknown.detail}. sentence-transformers may run it: `pip install 'headwater[train]'`."
            ) from unknown
        _log.info("model is run by sentence-transformers", model=files.model_id, reason=unknown.detail)
        return WorkerEncoder(files, threads=threads)


def open_published(model_id: str, home_models: Path, *, threads: int) -> Encoder:
    """The encoder whose id a generation names.

    Raises:
        ModelUnavailable: it is no longer here, or has other files by now.

    """
    name, _, version = model_id.rpartition("@")
    if name == HASHING_MODEL and version.isdecimal():
        return HashingEncoder(int(version))
    encoder = open_encoder(name, home_models, threads=threads)
    if encoder.model_id != model_id:
        encoder.close()
        raise ModelUnavailable(f"the model {model_id} is no longer here: its files are those of {encoder.model_id}")
    return encoder
