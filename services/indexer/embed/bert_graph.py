"""A BERT encoder's weights as one ONNX graph, from token ids to a vector of length 1: what `convert` writes down.

Plain operators of the standard only; onnxruntime fuses them at load (bias + GELU, skip + LayerNorm), which we measured
to be as fast as its own fused operators. The big arrays go to a file of their own that onnxruntime maps into memory.

Two more graphs over the same file multiply whole numbers. One is for questions, in half the time, with cosines of .999 with the first
one's vectors: its weights have a step for each block of inputs (`MatMulNBits`, an operator of onnxruntime's own). One is for a question's
words and pairs, which is faster still where runs are short, with cosines of .997.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from services.indexer.embed.adapter import Adapted
from services.indexer.embed.architecture import BertArchitecture, UnknownArchitecture
from services.indexer.embed.safetensors_file import Tensors

OPSET = 20
"""The first opset with Gelu as an operator."""

_IR_VERSION = 9
"""The representation that came with opset 20, so that older runtimes read the file too."""

_ALIGNMENT_BYTES = 4096
"""Arrays begin at page boundaries, which mapping needs (ONNX, "External Data")."""

_VALUE_STEPS, _WEIGHT_STEPS = 127.0, 63.0
"""In the graph of whole numbers, the largest value of a token and the largest weight of an output are so many steps from 0. With 63
two products fit into 16 bits (2 * 255 * 63), so that processors without VNNI, which add them there, get the same sums."""

_ZERO_STEP = 128
"""What stands for 0 among steps that are unsigned. A token's are: signed ones would take half as long again."""

_BLOCK, _BLOCK_STEPS = 32, 127.0
"""In the graph for questions so many inputs of an output share a step, and the largest weight among them is so many steps from 0. Blocks of
128 take a fifteenth less time; short questions are then half as near (cosines of .993 at the least, where these have .997)."""

_RUNTIME = "com.microsoft"
"""The domain of onnxruntime's own operators."""

_MASKED_SCORE = -1e9
"""Added to the score of a token that is padding: its share after the softmax is exactly 0 in float32."""


def bert_graphs(
    architecture: BertArchitecture, tensors: Tensors | Adapted, weights: BinaryIO, location: str
) -> tuple[onnx.ModelProto, onnx.ModelProto, onnx.ModelProto]:
    """The graphs for documents, for questions and for words; arrays are written to `weights`, which all refer to by the relative path `location`.

    Inputs `input_ids` and `attention_mask`, int64 of shape (batch, tokens), at least one 1 in each row of the mask;
    output `embedding`, float32 of shape (batch, hidden). The same weights give the same bytes.

    Raises:
        UnknownArchitecture: a tensor that BERT has is not there or has another shape.
        ModelUnavailable: the weights' file is damaged.

    """
    file, layers = _ArrayFile(weights, location), _Weights(architecture, tensors)
    return _whole(_Graph(file), layers), _whole(_BlockGraph(file), layers), _whole(_RoundedGraph(file), layers)


def _whole(graph: _Graph, layers: _Weights) -> onnx.ModelProto:
    architecture = layers.architecture
    hidden = _embeddings(graph, layers)
    mask = graph.node("Cast", "attention_mask", to=TensorProto.FLOAT)
    bias = _attention_bias(graph, mask)
    for layer in range(architecture.layers):
        hidden = _attention(graph, layers, f"encoder.layer.{layer}.attention.", hidden, bias)
        hidden = _feed_forward(graph, layers, f"encoder.layer.{layer}.", hidden)
    _unit(graph, _pooled(graph, architecture, hidden, mask))
    return graph.model(architecture.hidden)


class _Weights:
    """The model's tensors under BERT's names, in the shapes that the architecture says."""

    def __init__(self, architecture: BertArchitecture, tensors: Tensors | Adapted) -> None:
        self.architecture = architecture
        self._tensors = tensors
        self._prefix = "" if "embeddings.word_embeddings.weight" in tensors else "bert."

    def get(self, name: str, *shape: int) -> npt.NDArray[np.float32]:
        full = self._prefix + name
        if full not in self._tensors:
            raise UnknownArchitecture(f"The converter misses the tensor {full}: this is not BERT as it knows it")
        tensor = self._tensors.float32(full)
        if tensor.shape != shape:
            raise UnknownArchitecture(f"The tensor {full} has the shape {tensor.shape}, the settings say {shape}")
        return tensor

    def linear(self, name: str, inputs: int, outputs: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """A dense layer as (inputs, outputs) and (outputs,): files hold the transpose."""
        return self.get(f"{name}.weight", outputs, inputs).T, self.get(f"{name}.bias", outputs)


class _ArrayFile:
    """The file of arrays; what a second graph writes again is stored once."""

    def __init__(self, file: BinaryIO, location: str) -> None:
        self._file = file
        self._location = location
        self._places: dict[bytes, int] = {}

    def tensor(self, name: str, values: npt.NDArray[Any]) -> onnx.TensorProto:
        """An array as a graph refers to it."""
        data = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()
        key = hashlib.sha256(data).digest()
        if key not in self._places:
            self._file.write(b"\0" * (-self._file.tell() % _ALIGNMENT_BYTES))
            self._places[key] = self._file.tell()
            self._file.write(data)
        kind = helper.np_dtype_to_tensor_dtype(values.dtype)
        tensor = TensorProto(name=name, dims=values.shape, data_type=kind)
        tensor.data_location = TensorProto.EXTERNAL
        for entry, value in (("location", self._location), ("offset", self._places[key]), ("length", len(data))):
            tensor.external_data.add(key=entry, value=str(value))
        return tensor


class _Graph:
    """Nodes and arrays as they come; a value is known by the name that `node` and `array` return."""

    domains: tuple[str, ...] = ()
    """Of operators beside the standard's."""

    def __init__(self, file: _ArrayFile) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._arrays: list[onnx.TensorProto] = []
        self._file = file

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        return self.nodes(operator, 1, *inputs, **attributes)[0]

    def nodes(self, operator: str, outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        names = [f"{operator}_{len(self._nodes)}_{output}" for output in range(outputs)]
        self._nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names

    def integers(self, values: Sequence[int]) -> str:
        """A small constant, kept in the graph itself."""
        return self._inline(np.array(values, dtype=np.int64))

    def number(self, value: float) -> str:
        return self._inline(np.array(value, dtype=np.float32))

    def array(self, values: npt.NDArray[Any]) -> str:
        """A weight, written to the file beside the graph."""
        tensor = self._file.tensor(f"weight_{len(self._arrays)}", values)
        self._arrays.append(tensor)
        return str(tensor.name)

    def product(self, value: str, weight: npt.NDArray[np.float32]) -> str:
        """A value (batch, tokens, inputs) times a weight (inputs, outputs)."""
        return self.node("MatMul", value, self.array(weight))

    def rows(self, weight: npt.NDArray[np.float32], numbers: str) -> str:
        """The rows of a weight (rows, width) that numbers (batch, tokens) name."""
        return self.node("Gather", self.array(weight), numbers)

    def model(self, dimension: int) -> onnx.ModelProto:
        self._nodes[-1].output[0] = "embedding"
        graph = helper.make_graph(
            self._nodes,
            "encoder",
            [
                helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
                for name in ("input_ids", "attention_mask")
            ],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", dimension])],
            self._arrays,
        )
        operators = [helper.make_opsetid("", OPSET), *(helper.make_opsetid(domain, 1) for domain in self.domains)]
        return helper.make_model(graph, producer_name="headwater", ir_version=_IR_VERSION, opset_imports=operators)

    def _inline(self, values: npt.NDArray[Any]) -> str:
        tensor = numpy_helper.from_array(values, f"constant_{len(self._arrays)}")
        self._arrays.append(tensor)
        return str(tensor.name)


class _SmallRowsGraph(_Graph):
    """A graph that keeps the rows which it looks up as whole numbers in steps of a block: a quarter of what a process reads of them."""

    domains = (_RUNTIME,)

    def rows(self, weight: npt.NDArray[np.float32], numbers: str) -> str:
        steps, step = _in_blocks(weight)
        if steps.shape[1] * _BLOCK != weight.shape[1]:
            return super().rows(weight, numbers)  # the operator gives whole blocks, and there is no model of such a width
        whole = self.array(steps.reshape(weight.shape))
        sizes = {"bits": 8, "block_size": _BLOCK, "gather_axis": 0, "quantize_axis": 1}
        return self.node("GatherBlockQuantized", whole, numbers, self.array(step), domain=_RUNTIME, **sizes)


class _BlockGraph(_SmallRowsGraph):
    """A graph whose weights are whole numbers in steps of a block of their inputs; values are rounded in blocks as they come.

    A processor for which onnxruntime has no product of whole numbers widens the weights first: slower, and as near.
    """

    def product(self, value: str, weight: npt.NDArray[np.float32]) -> str:
        inputs, outputs = weight.shape
        steps, step = _in_blocks(weight.T)
        sizes = {"K": inputs, "N": outputs, "bits": 8, "block_size": _BLOCK}
        whole, units = self.array(steps), self.array(step)
        # 4: values are rounded to 8 bits too
        return self.node("MatMulNBits", value, whole, units, domain=_RUNTIME, accuracy_level=4, **sizes)


class _RoundedGraph(_SmallRowsGraph):
    """A graph that multiplies whole numbers: a weight's in steps of its output, a value's in steps of its token.

    What a token is rounded to depends on itself alone, and so does no text's vector on the texts beside it.
    """

    def product(self, value: str, weight: npt.NDArray[np.float32]) -> str:
        step = np.maximum(np.abs(weight).max(axis=0), np.float32(1e-9)) / np.float32(_WEIGHT_STEPS)
        largest = self.node("ReduceMax", self.node("Abs", value), self.integers([-1]), keepdims=1)
        unit = self.node("Mul", self.node("Max", largest, self.number(1e-9)), self.number(1.0 / _VALUE_STEPS))
        steps = self.node("Round", self.node("Div", value, unit))
        unsigned = self.node("Cast", self.node("Add", steps, self.number(_ZERO_STEP)), to=TensorProto.UINT8)
        zero = self._inline(np.array(_ZERO_STEP, dtype=np.uint8))
        summed = self.node("MatMulInteger", unsigned, self.array(np.rint(weight / step).astype(np.int8)), zero)
        return self.node("Mul", self.node("Mul", self.node("Cast", summed, to=TensorProto.FLOAT), unit), self.array(step))


def _in_blocks(rows: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Rows (n, width) in blocks of whole numbers around `_ZERO_STEP`, uint8 (n, blocks, `_BLOCK`), and the step of each block (n, blocks)."""
    n, width = rows.shape
    blocks = -(-width // _BLOCK)
    padded = np.zeros((n, blocks * _BLOCK), dtype=np.float32)
    padded[:, :width] = rows
    by_block = padded.reshape(n, blocks, _BLOCK)
    step = np.maximum(np.abs(by_block).max(axis=-1), np.float32(1e-9)) / np.float32(_BLOCK_STEPS)
    return (np.rint(by_block / step[..., None]) + _ZERO_STEP).astype(np.uint8), step


def _embeddings(graph: _Graph, layers: _Weights) -> str:
    """Word + position + segment, normalised. A single text is all segment 0, so its row is added to the positions'."""
    a = layers.architecture
    words = graph.rows(layers.get("embeddings.word_embeddings.weight", a.vocabulary, a.hidden), "input_ids")
    positions = layers.get("embeddings.position_embeddings.weight", a.positions, a.hidden)
    segment = layers.get("embeddings.token_type_embeddings.weight", 2, a.hidden)[0]
    tokens = graph.node("Shape", "input_ids", start=1, end=2)
    placed = graph.node("Slice", graph.array(positions + segment), graph.integers([0]), tokens)
    summed = graph.node("Add", words, placed)
    return _layer_norm(graph, layers, "embeddings.LayerNorm", summed)


def _attention_bias(graph: _Graph, mask: str) -> str:
    """0 for a token, `_MASKED_SCORE` for padding, shape (batch, 1, 1, tokens)."""
    padding = graph.node("Sub", graph.number(1.0), mask)
    return graph.node("Unsqueeze", graph.node("Mul", padding, graph.number(_MASKED_SCORE)), graph.integers([1, 2]))


def _attention(graph: _Graph, layers: _Weights, name: str, hidden: str, bias: str) -> str:
    """Self-attention, its projection, the skip connection and LayerNorm. One product makes queries, keys and values."""
    a = layers.architecture
    parts = [layers.linear(f"{name}self.{part}", a.hidden, a.hidden) for part in ("query", "key", "value")]
    scale = np.float32(1 / math.sqrt(a.head_width))  # taken into the queries: one multiplication a score less
    weight = np.concatenate([parts[0][0] * scale, parts[1][0], parts[2][0]], axis=1)
    offset = np.concatenate([parts[0][1] * scale, parts[1][1], parts[2][1]])
    joined = graph.node("Add", graph.product(hidden, weight), graph.array(offset))
    by_head = graph.integers([0, 0, a.heads, a.head_width])
    query, key, value = (
        graph.node("Transpose", graph.node("Reshape", part, by_head), perm=order)
        for part, order in zip(
            graph.nodes("Split", 3, joined, axis=-1, num_outputs=3),
            ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]),
            strict=True,
        )
    )
    scores = graph.node("Add", graph.node("MatMul", query, key), bias)
    mixed = graph.node("MatMul", graph.node("Softmax", scores, axis=-1), value)
    merged = graph.node("Reshape", graph.node("Transpose", mixed, perm=[0, 2, 1, 3]), graph.integers([0, 0, a.hidden]))
    projected = _linear(graph, layers, f"{name}output.dense", merged, (a.hidden, a.hidden))
    return _layer_norm(graph, layers, f"{name}output.LayerNorm", graph.node("Add", projected, hidden))


def _feed_forward(graph: _Graph, layers: _Weights, name: str, hidden: str) -> str:
    """Wide layer, GELU in its exact form (by the error function), narrow layer, skip connection and LayerNorm."""
    a = layers.architecture
    wide = _linear(graph, layers, f"{name}intermediate.dense", hidden, (a.hidden, a.intermediate))
    active = graph.node("Gelu", wide, approximate="none")
    narrow = _linear(graph, layers, f"{name}output.dense", active, (a.intermediate, a.hidden))
    return _layer_norm(graph, layers, f"{name}output.LayerNorm", graph.node("Add", narrow, hidden))


def _linear(graph: _Graph, layers: _Weights, name: str, value: str, sizes: tuple[int, int]) -> str:
    weight, bias = layers.linear(name, *sizes)
    return graph.node("Add", graph.product(value, weight), graph.array(bias))


def _layer_norm(graph: _Graph, layers: _Weights, name: str, value: str) -> str:
    a = layers.architecture
    scale = graph.array(layers.get(f"{name}.weight", a.hidden))
    bias = graph.array(layers.get(f"{name}.bias", a.hidden))
    return graph.node("LayerNormalization", value, scale, bias, axis=-1, epsilon=a.epsilon)


def _pooled(graph: _Graph, architecture: BertArchitecture, hidden: str, mask: str) -> str:
    """The first token, or the mean over the tokens that are not padding; shape (batch, 1, hidden)."""
    if architecture.pooling == "cls":
        return graph.node("Gather", hidden, graph.integers([0]), axis=1)
    row = graph.node("Unsqueeze", mask, graph.integers([1]))
    summed = graph.node("MatMul", row, hidden)
    return graph.node("Div", summed, graph.node("ReduceSum", row, graph.integers([2]), keepdims=1))


def _unit(graph: _Graph, pooled: str) -> None:
    """Length 1; a vector of zeros stays zeros. The floor is the reference's (torch.nn.functional.normalize)."""
    vector = graph.node("Squeeze", pooled, graph.integers([1]))
    length = graph.node("ReduceL2", vector, graph.integers([1]), keepdims=1)
    graph.node("Div", vector, graph.node("Max", length, graph.number(1e-12)))
