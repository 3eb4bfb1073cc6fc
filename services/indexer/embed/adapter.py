"""A low-rank adapter over a model's weights: what training on questions and schemas changed, in 2.7 MB instead of 91.

Between `model_files` and `convert`: the converter reads sums of both, so that serving costs what the plain model costs.
Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models" (arXiv:2106.09685), for the form.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.common.errors import ModelUnavailable
from services.indexer.embed.safetensors_file import Tensors

_WEIGHT = ".weight"


class Adapted:
    """Tensors of a model with an adapter's products added: W + B A for each dense layer that the adapter has.

    Args:
        base: the model's own tensors.
        adapter: `NAME.a` (rank, inputs) and `NAME.b` (outputs, rank) for each `NAME.weight` (outputs, inputs) that changes.

    """

    def __init__(self, base: Tensors, adapter: Tensors) -> None:
        self._base = base
        self._adapter = adapter

    def __contains__(self, name: str) -> bool:
        return name in self._base

    def float32(self, name: str) -> npt.NDArray[np.float32]:
        """The tensor called `name` as float32, adapted where the adapter says so (a copy).

        Raises:
            KeyError: there is none of that name.
            ModelUnavailable: a file is damaged, or the adapter was made for a model of other shapes.

        """
        tensor = self._base.float32(name)
        layer = name.removesuffix(_WEIGHT)
        if layer == name or f"{layer}.a" not in self._adapter:
            return tensor
        a, b = self._adapter.float32(f"{layer}.a"), self._adapter.float32(f"{layer}.b")
        if a.ndim != 2 or b.ndim != 2 or (b.shape[0], a.shape[1]) != tensor.shape or a.shape[0] != b.shape[1]:
            raise ModelUnavailable(f"The adapter does not fit the model: {layer} has other shapes; install Headwater again")
        adapted: npt.NDArray[np.float32] = tensor + b @ a
        return adapted
