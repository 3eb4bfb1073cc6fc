"""The safetensors reader: every float format it takes, and each way in which a file can lie about itself."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors import ModelUnavailable
from services.indexer.embed.safetensors_file import Tensors

VALUES = np.array([[1.5, -2.0, 0.25], [3.0, 0.0, -0.5]], dtype=np.float32)


def write(path, header, body=b""):
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + body)
    return path


def entry(dtype, body, shape=(2, 3), offsets=None):
    return {"t": {"dtype": dtype, "shape": list(shape), "data_offsets": offsets or [0, len(body)]}}


@pytest.mark.parametrize(
    ("dtype", "body"),
    [
        ("F64", VALUES.astype("<f8").tobytes()),
        ("F32", VALUES.astype("<f4").tobytes()),
        ("F16", VALUES.astype("<f2").tobytes()),
        ("BF16", (VALUES.view(np.uint32) >> 16).astype("<u2").tobytes()),
    ],
)
def test_floats_of_every_width_are_read_as_float32(tmp_path, dtype, body):
    tensors = Tensors(write(tmp_path / "w", entry(dtype, body) | {"__metadata__": {"format": "pt"}}, body))
    assert "t" in tensors
    assert "__metadata__" not in tensors
    assert tensors.float32("t").dtype == np.float32
    np.testing.assert_array_equal(tensors.float32("t"), VALUES)


def test_a_name_that_is_not_there_is_a_key_error(tmp_path):
    with pytest.raises(KeyError):
        Tensors(write(tmp_path / "w", {})).float32("t")


@pytest.mark.parametrize(
    "described",
    [
        entry("F32", b"", offsets=[0, 20]),
        entry("F32", b"", offsets=[0, 400]),
        entry("F32", b"", offsets=[-24, 0]),
        entry("F32", b"", offsets=[24, 0]),
        entry("F32", b"", offsets=[0]),
        entry("F32", b"", shape=(2, "three"), offsets=[0, 24]),
        entry("I64", b"", shape=(3,), offsets=[0, 24]),
        {"t": {"dtype": "F32"}},
        {"t": None},
    ],
)
def test_a_tensor_that_is_not_what_it_says_is_damage(tmp_path, described):
    tensors = Tensors(write(tmp_path / "w", described, VALUES.tobytes()))
    with pytest.raises(ModelUnavailable, match="damaged"):
        tensors.float32("t")


@pytest.mark.parametrize("content", [b"", b"\x01", b"\xff" * 8, b"\xff" * 40, (4).to_bytes(8, "little") + b"[1]{"])
def test_a_file_that_is_not_safetensors_is_said(tmp_path, content):
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(ModelUnavailable):
        Tensors(tmp_path / "w")


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ModelUnavailable):
        Tensors(tmp_path / "w")


@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    """Whatever a file holds, the reader answers with tensors or with one error."""
    path = tmp_path_factory.mktemp("w") / "w"
    path.write_bytes(content)
    try:
        tensors = Tensors(path)
    except ModelUnavailable:
        return
    assert "t" not in tensors or tensors.float32("t") is not None
