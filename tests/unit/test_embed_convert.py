"""The converter on a small random BERT: its graph against the same sums in numpy, and how it is kept on disk."""

from __future__ import annotations

import json
import math
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import tokenizers

from services.common.errors import ModelUnavailable
from services.indexer.embed import convert, onnx_encoder
from services.indexer.embed.architecture import UnknownArchitecture
from services.indexer.embed.convert import ensure_converted
from services.indexer.embed.converted import (
    CONVERTER_VERSION,
    MANIFEST_FILE,
    QUESTIONS_FILE,
    WITHOUT_QUESTIONS,
    WITHOUT_WORDS,
    WORDS_FILE,
    open_converted,
    write_manifest,
)
from services.indexer.embed.model_files import locate
from services.indexer.embed.onnx_encoder import OnnxEncoder

LAYERS, HEADS, HIDDEN, WIDE, POSITIONS = 2, 4, 32, 64, 24
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "order", "customer", "price", "of", "the", "##s", "query", "passage", ":"]
CONFIG = {
    "model_type": "bert", "hidden_act": "gelu", "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
    "hidden_size": HIDDEN, "intermediate_size": WIDE, "max_position_embeddings": POSITIONS,
    "vocab_size": len(VOCABULARY), "layer_norm_eps": 1e-5,
}  # fmt: skip
TEXTS = ["", "order", "the price of the orders", "customers", "order " * 100, "order of customer price unheard"]


def random_weights(seed: int = 7) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(VOCABULARY), HIDDEN),
        "embeddings.position_embeddings.weight": (POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": (2, HIDDEN),
        "embeddings.LayerNorm.weight": (HIDDEN,),
        "embeddings.LayerNorm.bias": (HIDDEN,),
    }
    for layer in range(LAYERS):
        prefix = f"encoder.layer.{layer}."
        sizes = [(f"attention.self.{part}", HIDDEN, HIDDEN) for part in ("query", "key", "value")]
        sizes += [
            ("attention.output.dense", HIDDEN, HIDDEN),
            ("intermediate.dense", WIDE, HIDDEN),
            ("output.dense", HIDDEN, WIDE),
        ]
        for name, outputs, inputs in sizes:
            shapes |= {f"{prefix}{name}.weight": (outputs, inputs), f"{prefix}{name}.bias": (outputs,)}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{prefix}{name}.weight": (HIDDEN,), f"{prefix}{name}.bias": (HIDDEN,)}
    return {name: rng.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}


def write_safetensors(path: Path, tensors: dict[str, np.ndarray]) -> None:
    header, body = {}, b""
    for name, tensor in tensors.items():
        data = tensor.tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    encoded = json.dumps(header).encode()
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + body)


def make_model(folder: Path, *, pooling: str = "mean", prompts: dict[str, str] | None = None, **config: object) -> Path:
    """A model folder as sentence-transformers writes it, small and random."""
    (folder / "1_Pooling").mkdir(parents=True)
    documents = {
        "config.json": CONFIG | config,
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": HIDDEN, f"pooling_mode_{pooling}": True},
        "config_sentence_transformers.json": {"prompts": prompts or {}},
        "sentence_bert_config.json": {"max_seq_length": 16},
    }
    documents["1_Pooling/config.json"] = {"embedding_dimension": HIDDEN, "pooling_mode": pooling}
    for name, value in documents.items():
        (folder / name).write_text(json.dumps(value))
    write_safetensors(folder / "model.safetensors", random_weights())
    word_pieces = tokenizers.models.WordPiece({word: i for i, word in enumerate(VOCABULARY)}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(word_pieces)
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_padding(length=20)  # as models ship it: fixed, and to be ignored
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def numpy_bert(ids: list[int], pooling: str) -> np.ndarray:
    """The vector of one text in float64, straight from the paper's formulas."""
    w = {name: tensor.astype(np.float64) for name, tensor in random_weights().items()}

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt(centred.var(-1, keepdims=True) + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]

    def dense(x: np.ndarray, name: str) -> np.ndarray:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    words = w["embeddings.word_embeddings.weight"][ids]
    x = words + w["embeddings.position_embeddings.weight"][: len(ids)] + w["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "embeddings.LayerNorm")
    width = HIDDEN // HEADS
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}."
        q, k, v = (dense(x, f"{name}attention.self.{part}") for part in ("query", "key", "value"))
        heads = []
        for head in range(HEADS):
            part = slice(head * width, (head + 1) * width)
            scores = np.exp(q[:, part] @ k[:, part].T / math.sqrt(width))
            heads.append(scores / scores.sum(-1, keepdims=True) @ v[:, part])
        x = norm(x + dense(np.concatenate(heads, -1), f"{name}attention.output.dense"), f"{name}attention.output.LayerNorm")
        wide = dense(x, f"{name}intermediate.dense")
        wide = 0.5 * wide * (1 + np.vectorize(math.erf)(wide / math.sqrt(2)))
        x = norm(x + dense(wide, f"{name}output.dense"), f"{name}output.LayerNorm")
    pooled = x.mean(0) if pooling == "mean" else x[0]
    return pooled / np.linalg.norm(pooled)


def kept(models: Path) -> list[str]:
    return sorted(path.name for path in models.iterdir())


def encoder_of(folder: Path, models: Path, threads: int = 1) -> OnnxEncoder:
    return OnnxEncoder(ensure_converted(locate(str(folder)), models), threads=threads)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_graph_computes_what_numpy_computes(tmp_path, pooling):
    """Every text's vector agrees with the formulas in double precision, cut at the model's limit."""
    encoder = encoder_of(make_model(tmp_path / "m", pooling=pooling), tmp_path / "models")
    tokenizer = tokenizers.Tokenizer.from_file(str(tmp_path / "m" / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(16)
    expected = np.stack([numpy_bert(tokenizer.encode(text).ids, pooling) for text in TEXTS])
    np.testing.assert_allclose(encoder.encode_documents(TEXTS), expected, atol=2e-6)
    assert encoder.counts.truncated == 1


def test_padding_in_the_mask_changes_nothing(tmp_path):
    """The graph itself honours the mask, whoever calls it: padded rows equal unpadded ones."""
    encoder = encoder_of(make_model(tmp_path / "m"), tmp_path / "models")
    alone = np.array([[2, 4, 5, 3]], dtype=np.int64)
    padded = np.array([[2, 4, 5, 3, 0, 0, 0], [2, 4, 5, 6, 7, 8, 3]], dtype=np.int64)
    mask = np.array([[1, 1, 1, 1, 0, 0, 0], [1] * 7], dtype=np.int64)
    run = encoder._session(encoder._model.graph).run
    (plain,) = run(None, {"input_ids": alone, "attention_mask": np.ones_like(alone)})
    (masked,) = run(None, {"input_ids": padded, "attention_mask": mask})
    np.testing.assert_allclose(masked[0], plain[0], atol=1e-6)


def test_prompts_are_put_before_questions_and_documents(tmp_path):
    """A model with prompts encodes a question as its prompt and the question, and documents likewise."""
    plain = encoder_of(make_model(tmp_path / "plain"), tmp_path / "models")
    prompts = {"query": "query: ", "document": "passage: "}
    prompted = encoder_of(make_model(tmp_path / "prompted", prompts=prompts), tmp_path / "models")
    assert prompted.model_id != plain.model_id
    assert np.array_equal(prompted.encode_query("price"), plain.encode_query("query: price"))
    assert np.array_equal(prompted.encode_documents(["price"]), plain.encode_documents(["passage: price"]))
    assert not np.allclose(prompted.encode_query("price"), prompted.encode_documents(["price"])[0])


def test_conversion_is_reproducible_and_kept(tmp_path):
    """The same weights give the same bytes, and a kept model is not made again."""
    files = locate(str(make_model(tmp_path / "m")))
    first, second = ensure_converted(files, tmp_path / "a"), ensure_converted(files, tmp_path / "b")
    assert first.manifest == second.manifest
    assert first.folder.name == files.sha256
    before = first.graph.stat().st_mtime_ns
    assert ensure_converted(files, tmp_path / "a").graph.stat().st_mtime_ns == before
    assert sorted(path.name for path in first.folder.iterdir()) == sorted(first.file_names)


@pytest.mark.parametrize(
    "name", ["model.onnx", "questions.onnx", "words.onnx", "model.weights", "tokenizer.json", "manifest.json"]
)
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_folder_is_noticed_and_made_again(tmp_path, name, damage):
    """One flipped bit, a cut file or a missing one in any file: opening refuses, ensuring repairs."""
    files = locate(str(make_model(tmp_path / "m")))
    converted = ensure_converted(files, tmp_path / "models")
    whole = OnnxEncoder(converted, threads=1)
    expected, words, question = whole.encode_documents(TEXTS), whole.encode_words(TEXTS), whole.encode_query(TEXTS[2])
    path = converted.folder / name
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0x10
    if damage == "remove":
        path.unlink()
    else:
        path.write_bytes(data if damage == "flip" else data[: len(data) // 2])
    with pytest.raises(ModelUnavailable):
        open_converted(converted.folder)
    again = ensure_converted(files, tmp_path / "models")
    repaired = OnnxEncoder(again, threads=1)
    assert np.array_equal(repaired.encode_documents(TEXTS), expected)
    assert np.array_equal(repaired.encode_words(TEXTS), words)
    assert np.array_equal(repaired.encode_query(TEXTS[2]), question)
    assert kept(tmp_path / "models") == [".lock", files.sha256]


def test_a_manifest_that_was_edited_is_noticed(tmp_path):
    """A limit or a prompt that is not the model's would give other vectors under the same id."""
    folder = ensure_converted(locate(str(make_model(tmp_path / "m"))), tmp_path / "models").folder
    text = (folder / MANIFEST_FILE).read_text()
    (folder / MANIFEST_FILE).write_text(text.replace('"max_tokens": 16', '"max_tokens": 17'))
    with pytest.raises(ModelUnavailable, match="does not fit"):
        open_converted(folder)


def test_a_folder_of_another_converter_version_is_made_again(tmp_path, monkeypatch):
    files = locate(str(make_model(tmp_path / "m")))
    monkeypatch.setattr(convert, "CONVERTER_VERSION", CONVERTER_VERSION + 1)
    with pytest.raises(ModelUnavailable, match="made by version"):
        ensure_converted(files, tmp_path / "models")
    monkeypatch.undo()
    assert ensure_converted(files, tmp_path / "models").manifest.converter_version == CONVERTER_VERSION


def _refused(*_: object) -> None:
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize(
    ("version", "missing"), [(WITHOUT_WORDS, (WORDS_FILE, QUESTIONS_FILE)), (WITHOUT_QUESTIONS, (QUESTIONS_FILE,))]
)
def test_a_folder_of_an_earlier_version_is_read_where_it_lies(tmp_path, version, missing):
    """As in a bundle: what has no graph of its own is encoded as documents are. Where the model is at hand, it is made anew."""
    files = locate(str(make_model(tmp_path / "m")))
    made = ensure_converted(files, tmp_path / "models")
    for name in missing:
        (made.folder / name).unlink()
    kept_files = {name: digest for name, digest in made.manifest.files.items() if name not in missing}
    write_manifest(made.folder, replace(made.manifest, converter_version=version, files=kept_files))
    before = OnnxEncoder(open_converted(made.folder), threads=1)
    documents = before.encode_documents(TEXTS)
    assert np.array_equal(before.encode_words(TEXTS), documents) == (WORDS_FILE in missing)
    assert np.array_equal(before.encode_query(TEXTS[2]), before.encode_documents(TEXTS[2:3])[0])
    with pytest.MonkeyPatch.context() as patched:  # where nothing can be written, it goes on serving
        patched.setattr(convert, "_locked", _refused)
        assert ensure_converted(files, tmp_path / "models").manifest.converter_version == version
    anew = ensure_converted(files, tmp_path / "models")
    assert anew.manifest.converter_version == CONVERTER_VERSION
    assert (anew.words.name, anew.questions.name) == (WORDS_FILE, QUESTIONS_FILE)


def test_questions_are_rounded_to_nearly_what_documents_are(tmp_path):
    """Weights in steps of their blocks: nearer than words are, and of length 1."""
    encoder = encoder_of(make_model(tmp_path / "m"), tmp_path / "models")
    exact, near = encoder.encode_documents(TEXTS), np.stack([encoder.encode_query(text) for text in TEXTS])
    np.testing.assert_allclose(np.linalg.norm(near, axis=1), 1, atol=1e-6)
    cosines = (exact * near).sum(axis=1)
    assert cosines.min() > 0.998
    assert not np.array_equal(exact, near)


def test_what_only_answers_does_not_open_the_graph_for_documents(tmp_path):
    """Some 40 MB of the default model: the first document opens it, and a damaged one is refused then."""
    encoder = encoder_of(make_model(tmp_path / "m"), tmp_path / "models")
    encoder.encode_query("the price of an order")
    encoder.encode_words(["price", "order"])
    graph = encoder._model.graph
    assert graph not in encoder._sessions
    graph.write_bytes(b"not a graph")
    with pytest.raises(ModelUnavailable, match="cannot load"):
        encoder.encode_documents(TEXTS)
    assert encoder.encode_query("which order?").shape == (HIDDEN,)


def test_words_are_rounded_to_nearly_what_documents_are(tmp_path):
    """Whole numbers in place of real ones, the same whatever stands beside; both graphs share the arrays that they have in common."""
    encoder = encoder_of(make_model(tmp_path / "m"), tmp_path / "models")
    exact, near = encoder.encode_documents(TEXTS), encoder.encode_words(TEXTS)
    cosines = (exact * near).sum(axis=1)
    assert cosines.min() > 0.99
    assert not np.array_equal(exact, near)
    alone = np.concatenate([encoder.encode_words([text]) for text in TEXTS])
    np.testing.assert_allclose(alone, near, atol=1e-6)


def test_what_all_graphs_need_is_stored_once(tmp_path):
    converted = ensure_converted(locate(str(make_model(tmp_path / "m"))), tmp_path / "models")
    exact, questions, words = (places_of(path) for path in (converted.graph, converted.questions, converted.words))
    products = 4 * LAYERS
    rows = 1  # the tokens' own
    for near in (questions, words):
        assert len(exact - near) == products + rows
        assert len(near - exact) == 2 * (products + rows)
    assert len((questions & words) - exact) == 2 * rows


def places_of(graph: Path) -> set[str]:
    """Where the arrays of a graph lie in the file beside it."""
    arrays = onnx.load(str(graph), load_external_data=False).graph.initializer
    return {entry.value for array in arrays for entry in array.external_data if entry.key == "offset"}


def test_concurrent_conversions_leave_one_whole_folder(tmp_path):
    """Several processes that start on an empty home at once (threads here) all get a model that answers."""
    files = locate(str(make_model(tmp_path / "m")))
    with ThreadPoolExecutor(8) as pool:
        all_made = list(pool.map(lambda _: ensure_converted(files, tmp_path / "models"), range(16)))
    assert len({made.folder for made in all_made}) == 1
    assert kept(tmp_path / "models") == [".lock", files.sha256]
    assert open_converted(all_made[0].folder).manifest.dimension == HIDDEN


def test_what_a_dead_process_left_is_removed(tmp_path):
    """A conversion that was killed half-way is in nobody's way, and does not stay."""
    files = locate(str(make_model(tmp_path / "m")))
    left = tmp_path / "models" / ".making"
    left.mkdir(parents=True)
    (left / "model.weights").write_bytes(b"half")
    ensure_converted(files, tmp_path / "models")
    assert kept(tmp_path / "models") == [".lock", files.sha256]


def test_a_home_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(ModelUnavailable, match="cannot be kept"):
        ensure_converted(locate(str(make_model(tmp_path / "m"))), tmp_path / "models")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("model_type", "mpnet"),
        ("hidden_act", "relu"),
        ("position_embedding_type", "relative_key"),
        ("is_decoder", True),
        ("num_attention_heads", 5),
        ("num_hidden_layers", 3),
        ("intermediate_size", 63),
    ],
)
def test_what_the_converter_does_not_know_is_named(tmp_path, setting, value):
    """A setting that the graph cannot express, or that the weights contradict, raises and leaves nothing behind."""
    files = locate(str(make_model(tmp_path / "m", **{setting: value})))
    with pytest.raises(UnknownArchitecture):
        ensure_converted(files, tmp_path / "models")
    assert not (tmp_path / "models" / files.sha256).exists()


@pytest.mark.parametrize("pooling", ["max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"])
def test_other_poolings_are_unknown(tmp_path, pooling):
    files = locate(str(make_model(tmp_path / "m", pooling=pooling)))
    with pytest.raises(UnknownArchitecture, match="pooling_mode"):
        ensure_converted(files, tmp_path / "models")


def test_damaged_weights_are_said(tmp_path):
    """Cut weights whose header still stands are damage, not an unknown model: the worker could not run them either."""
    folder = make_model(tmp_path / "m")
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:-100])
    with pytest.raises(ModelUnavailable, match="damaged") as raised:
        ensure_converted(locate(str(folder)), tmp_path / "models")
    assert not isinstance(raised.value, UnknownArchitecture)


def test_a_tokenizer_without_special_tokens_is_refused(tmp_path):
    """Without them an empty text would have no token and its vector no meaning."""
    folder = make_model(tmp_path / "m")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["post_processor"] = None
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelUnavailable, match="empty text"):
        encoder_of(folder, tmp_path / "models")


def test_what_is_held_serves_every_encoder_until_the_model_is_made_anew(tmp_path, monkeypatch):
    """Also in a process that was forked meanwhile: the same sessions, the same vectors; files of another conversion are opened."""
    files = locate(str(make_model(tmp_path / "m")))
    model = ensure_converted(files, tmp_path / "models")
    expected = OnnxEncoder(model, threads=1)
    vectors = [expected.encode_query(TEXTS[0]), *expected.encode_words(TEXTS)]
    opened = []
    monkeypatch.setattr(onnx_encoder, "_session", lambda graph, *_, **__: opened.append(graph))
    monkeypatch.setattr(onnx_encoder, "_held", {})
    OnnxEncoder(model, threads=1)
    assert opened == [model.questions, model.words]
    monkeypatch.undo()
    monkeypatch.setattr(onnx_encoder, "_held", {})
    onnx_encoder.hold(model)
    monkeypatch.setattr(onnx_encoder, "_session", lambda graph, *_, **__: opened.append(graph))
    opened.clear()
    child = os.fork()
    if child == 0:
        mine = OnnxEncoder(model, threads=1)
        same = np.array_equal(np.stack([mine.encode_query(TEXTS[0]), *mine.encode_words(TEXTS)]), np.stack(vectors))
        os._exit(0 if same and not opened else 1)
    assert os.waitpid(child, 0)[1] == 0
    shutil.rmtree(model.folder)
    OnnxEncoder(ensure_converted(files, tmp_path / "models"), threads=1)
    assert opened == [model.questions, model.words]
