"""Which models the converter knows: BERT encoders with mean or first-token pooling, read from their settings.

Anything else is named in the error, and `open` hands it to the worker that runs sentence-transformers itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from services.common.errors import ModelUnavailable
from services.indexer.embed.model_files import ModelFiles, pooling_modes


class UnknownArchitecture(ModelUnavailable):
    """The model is sound, but the converter cannot express it; sentence-transformers may still run it."""


@dataclass(frozen=True, slots=True)
class BertArchitecture:
    """All that the graph needs to know besides the weights (Devlin et al. 2018, arXiv:1810.04805, for the layers).

    Whether the model itself normalises is not asked: every vector leaves the graph with length 1.
    """

    layers: int
    heads: int
    hidden: int
    intermediate: int
    positions: int
    vocabulary: int
    epsilon: float
    pooling: Literal["mean", "cls"]

    @property
    def head_width(self) -> int:
        """Numbers a head works on."""
        return self.hidden // self.heads


def read_architecture(files: ModelFiles) -> BertArchitecture:
    """The model's architecture.

    Raises:
        UnknownArchitecture: naming the first setting that the graph cannot express.

    """
    config = files.config
    _expect(files, "model_type", config.get("model_type"), "bert")
    _expect(files, "hidden_act", config.get("hidden_act"), "gelu")
    _expect(files, "position_embedding_type", config.get("position_embedding_type", "absolute"), "absolute")
    _expect(files, "is_decoder", config.get("is_decoder", False), False)
    _expect(files, "transformer_task", files.settings.get("transformer_task", "feature-extraction"), "feature-extraction")
    kinds = [module.kind for module in files.modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise _unknown(files, "modules", " → ".join(kinds))
    if files.settings.get("do_lower_case") and not _tokenizer_lowers(files):
        raise _unknown(files, "do_lower_case", "outside the tokenizer")
    architecture = BertArchitecture(
        layers=_number(files, "num_hidden_layers"),
        heads=_number(files, "num_attention_heads"),
        hidden=_number(files, "hidden_size"),
        intermediate=_number(files, "intermediate_size"),
        positions=_number(files, "max_position_embeddings"),
        vocabulary=_number(files, "vocab_size"),
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        pooling=_pooling(files),
    )
    if architecture.hidden % architecture.heads:
        raise _unknown(files, "num_attention_heads", architecture.heads)
    return architecture


def _pooling(files: ModelFiles) -> Literal["mean", "cls"]:
    pooling = files.modules[1]
    if pooling.config.get("include_prompt", True) is not True and (files.query_prompt or files.document_prompt):
        raise _unknown(files, "include_prompt", False)
    match pooling_modes(pooling):
        case ("mean",):
            return "mean"
        case ("cls",):
            return "cls"
        case modes:
            raise _unknown(files, "pooling_mode", modes)


def _tokenizer_lowers(files: ModelFiles) -> bool:
    normalizer = json.loads(files.tokenizer.read_bytes()).get("normalizer") or {}
    return normalizer.get("lowercase") is True


def _number(files: ModelFiles, key: str) -> int:
    value = files.config.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _unknown(files, key, value)
    return value


def _expect(files: ModelFiles, key: str, value: Any, known: Any) -> None:
    if value != known:
        raise _unknown(files, key, value)


def _unknown(files: ModelFiles, key: str, value: Any) -> UnknownArchitecture:
    return UnknownArchitecture(f"The converter does not know the model at {files.folder}: {key} is {value!r}")
