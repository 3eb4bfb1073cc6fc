"""Reads a safetensors file with numpy alone: an eight-byte length, a JSON header, then the numbers.

The format carries no code, so a model from elsewhere can be read without trusting it. Feeds `bert_graph`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from services.common.errors import ModelUnavailable

_PREFIX_BYTES = 8
_MAX_HEADER_BYTES = 100_000_000
"""The format's own limit (huggingface/safetensors, README, "Format")."""

_DTYPES: dict[str, npt.DTypeLike] = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


class Tensors:
    """The named arrays of one file, mapped into memory and read when asked for."""

    def __init__(self, path: Path) -> None:
        """Raises ModelUnavailable where the file is not safetensors or is cut short."""
        self._path = path
        try:
            self._bytes = np.memmap(path, dtype=np.uint8, mode="r")
        except (OSError, ValueError) as error:
            raise ModelUnavailable(f"{path} cannot be read: {error}") from error
        header_bytes = int.from_bytes(self._bytes[:_PREFIX_BYTES].tobytes(), "little")
        self._start = _PREFIX_BYTES + header_bytes
        if header_bytes > _MAX_HEADER_BYTES or self._start > self._bytes.size:
            raise self._damaged("its header is longer than the file")
        self._header = self._read_header()

    def __contains__(self, name: str) -> bool:
        return name in self._header

    def float32(self, name: str) -> npt.NDArray[np.float32]:
        """The tensor called `name` as float32, in its own shape (a copy).

        Raises:
            KeyError: there is none of that name.
            ModelUnavailable: its description and its bytes do not fit, or it does not hold floats.

        """
        entry = self._header[name]
        try:
            dtype = np.dtype(_DTYPES[entry["dtype"]])
            shape = tuple(int(size) for size in entry["shape"])
            begin, end = (self._start + int(offset) for offset in entry["data_offsets"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(f"the tensor {name} is not described as floats") from error
        if not self._start <= begin <= end <= self._bytes.size or end - begin != math.prod(shape) * dtype.itemsize:
            raise self._damaged(f"the tensor {name} has other bytes than its shape says")
        stored = np.frombuffer(self._bytes[begin:end].tobytes(), dtype=dtype).reshape(shape)
        if entry["dtype"] == "BF16":  # the upper half of a float32
            return (stored.astype(np.uint32) << 16).view(np.float32)
        return stored.astype(np.float32)

    def _read_header(self) -> Mapping[str, Any]:
        try:
            header = json.loads(self._bytes[_PREFIX_BYTES : self._start].tobytes())
        except ValueError as error:
            raise self._damaged("its header is not JSON") from error
        if not isinstance(header, dict):
            raise self._damaged("its header is not a JSON object")
        header.pop("__metadata__", None)
        return header

    def _damaged(self, what: str) -> ModelUnavailable:
        return ModelUnavailable(f"{self._path} is damaged: {what}; fetch the model again")
