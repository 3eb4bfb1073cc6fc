"""A converted model on disk: three graphs, their weights, tokenizer and a manifest that says what each file must be.

Such a folder is all that answering needs: it lies under the home's `models/`, and it travels in a generation.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from services.common.errors import ModelUnavailable
from services.common.runtime.sums import file_sha256
from services.indexer.embed.encoder import ModelId

CONVERTER_VERSION = 4
"""Counts up when the same weights would give another graph; a folder of another version is made again."""
WITHOUT_WORDS, WITHOUT_QUESTIONS, WITH_WHOLE_ROWS = 1, 2, 3
"""The versions before: the first had no graph for words, the first two none for questions, and none small rows. In a bundle they are still
read."""

GRAPH_FILE = "model.onnx"
QUESTIONS_FILE = "questions.onnx"
WORDS_FILE = "words.onnx"
WEIGHTS_FILE = "model.weights"
TOKENIZER_FILE = "tokenizer.json"
MANIFEST_FILE = "manifest.json"
_OWN_DIGEST = "manifest_sha256"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `manifest.json` holds.

    Attributes:
        converter_version: of the converter that made the folder.
        model_id: the identity of the vectors.
        source_sha256: `ModelFiles.sha256` of the model it was made from.
        weights_sha256: of that model's safetensors file.
        dimension: the length of a vector.
        max_tokens: tokens read of a text; the rest is cut.
        query_prompt: put before a question.
        document_prompt: put before a document.
        files: name → sha256 of every other file in the folder.

    """

    converter_version: int
    model_id: ModelId
    source_sha256: str
    weights_sha256: str
    dimension: int
    max_tokens: int
    query_prompt: str
    document_prompt: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ConvertedModel:
    """A folder whose files were found to be what its manifest says."""

    folder: Path
    manifest: Manifest

    @property
    def graph(self) -> Path:
        """The ONNX graph, for documents; its weights lie beside it."""
        return self.folder / GRAPH_FILE

    @property
    def questions(self) -> Path:
        """The graph for questions, over the same weights; of an older folder the same graph as for documents."""
        return self.folder / (QUESTIONS_FILE if QUESTIONS_FILE in self.manifest.files else GRAPH_FILE)

    @property
    def words(self) -> Path:
        """The graph for a question's words, over the same weights; of an older folder the same graph as for documents."""
        return self.folder / (WORDS_FILE if WORDS_FILE in self.manifest.files else GRAPH_FILE)

    @property
    def weights(self) -> Path:
        """The arrays that all graphs refer to."""
        return self.folder / WEIGHTS_FILE

    @property
    def tokenizer(self) -> Path:
        """The tokenizer as the model ships it."""
        return self.folder / TOKENIZER_FILE

    @property
    def file_names(self) -> tuple[str, ...]:
        """All files that a copy of the model needs, the manifest last."""
        return (*sorted(self.manifest.files), MANIFEST_FILE)


def open_converted(folder: Path, *, proven: bool = False) -> ConvertedModel:
    """The converted model in `folder`, every file's sha256 checked (0.1 s for the default).

    Args:
        folder: where it lies.
        proven: its files were compared with other sums, as those of a bundle are: they are not read once more for it.

    Raises:
        ModelUnavailable: there is none, it is damaged, or a version of the converter made it that this one cannot read.

    """
    path = folder / MANIFEST_FILE
    try:
        manifest = _parse(json.loads(path.read_bytes()))
        for name, sha256 in manifest.files.items():
            if not proven and file_sha256(folder / name) != sha256:
                raise ModelUnavailable(f"{folder / name} is damaged: its sha256 is not the one in {MANIFEST_FILE}")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelUnavailable(f"The converted model in {folder} cannot be read: {error}") from error
    if manifest.converter_version not in (WITHOUT_WORDS, WITHOUT_QUESTIONS, WITH_WHOLE_ROWS, CONVERTER_VERSION):
        raise ModelUnavailable(f"The converted model in {folder} was made by version {manifest.converter_version}")
    return ConvertedModel(folder, manifest)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest` into `folder`, the same values as the same bytes, and force it to the disk. Raises OSError."""
    value = asdict(manifest) | {"files": dict(manifest.files)}
    with (folder / MANIFEST_FILE).open("w", encoding="utf-8") as file:
        file.write(json.dumps(value | {_OWN_DIGEST: _digest(value)}, indent=2, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _parse(value: Any) -> Manifest:
    if not isinstance(value, dict):
        raise TypeError(f"{MANIFEST_FILE} is not an object")
    if value.pop(_OWN_DIGEST) != _digest(value):
        raise ValueError(f"{MANIFEST_FILE} is damaged: it does not fit its own sha256")
    files = {str(name): str(sha256) for name, sha256 in value["files"].items()}
    wanted = {GRAPH_FILE, WEIGHTS_FILE, TOKENIZER_FILE}
    wanted |= {WORDS_FILE} if value["converter_version"] > WITHOUT_WORDS else set()
    wanted |= {QUESTIONS_FILE} if value["converter_version"] > WITHOUT_QUESTIONS else set()
    if set(files) != wanted:
        raise ValueError(f"{MANIFEST_FILE} names other files than a converted model has")
    return Manifest(
        converter_version=int(value["converter_version"]),
        model_id=ModelId(str(value["model_id"])),
        source_sha256=str(value["source_sha256"]),
        weights_sha256=str(value["weights_sha256"]),
        dimension=int(value["dimension"]),
        max_tokens=int(value["max_tokens"]),
        query_prompt=str(value["query_prompt"]),
        document_prompt=str(value["document_prompt"]),
        files=MappingProxyType(files),
    )
