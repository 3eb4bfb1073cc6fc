"""Named arrays in one file, mapped when read: the safetensors format, which carries no code.

An eight-byte length, a JSON header with type, shape and place of each array, then the numbers
(huggingface/safetensors, README, "Format").
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_PREFIX = 8
_CODE_OF = {"|b1": "BOOL", "|u1": "U8", "<i4": "I32", "<i8": "I64", "<u8": "U64", "<f2": "F16", "<f4": "F32"}
_TYPE_OF = {code: np.dtype(name) for name, code in _CODE_OF.items()}


def write_arrays(arrays: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Write arrays into a new file.

    Raises:
        OSError: the disk does not take it.
        KeyError: an array is of a type that the format has no name for.

    """
    # wide numbers first: then each array begins where its type may be read
    order = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    header: dict[str, object] = {}
    end = 0
    for name in order:
        array = arrays[name]
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": _CODE_OF[array.dtype.str], "shape": list(array.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(_PREFIX, "little") + text)
        for name in order:
            file.write(np.ascontiguousarray(arrays[name]).data if arrays[name].size else b"")


def map_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file, mapped.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not what `write_arrays` writes.

    """
    whole = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
    numbers = _PREFIX + int.from_bytes(whole[:_PREFIX].tobytes(), "little")
    if numbers > len(whole):
        raise ValueError("its header is longer than the file")
    header = json.loads(whole[_PREFIX:numbers].tobytes())
    try:
        return {name: _array(whole[numbers:], entry) for name, entry in header.items()}
    except AttributeError as error:
        raise ValueError("its header is not a JSON object") from error


def _array(numbers: NDArray[np.uint8], entry: Any) -> NDArray[Any]:
    try:
        kind = _TYPE_OF[entry["dtype"]]
        shape = tuple(int(size) for size in entry["shape"])
        begin, end = (int(place) for place in entry["data_offsets"])
    except (KeyError, TypeError) as error:
        raise ValueError("an array is not described") from error
    if not 0 <= begin <= end <= len(numbers) or end - begin != math.prod(shape) * kind.itemsize:
        raise ValueError("an array has other bytes than its shape says")
    return numbers[begin:end].view(kind).reshape(shape)
