"""Many vectors are found by one-bit codes and scored exactly: what is found, inside filters, and what damaged codes do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from services.common.errors import IndexDamaged
from services.indexer.index import vectors as module
from services.indexer.index.vectors import Vectors

N, DIMENSION, K = 6_000, 384, 10


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CODED_FROM", 2_000)
    monkeypatch.setattr(module, "EXACT_UP_TO", 500)
    monkeypatch.setattr(module, "SCORED", 400)
    monkeypatch.setattr(module, "SCORED_A_HIT", 20)


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Rows around 300 centres, as texts about the same things are."""
    dice = np.random.default_rng(5)
    centres = dice.standard_normal((300, DIMENSION))
    out = centres[dice.integers(300, size=N)] + 0.7 * dice.standard_normal((N, DIMENSION))
    return (out / np.linalg.norm(out, axis=1, keepdims=True)).astype(np.float32)


def _questions(rows: np.ndarray, n: int = 60) -> np.ndarray:
    dice = np.random.default_rng(6)
    out = rows[dice.integers(len(rows), size=n)] + 0.03 * dice.standard_normal((n, DIMENSION)).astype(np.float32)
    return (out / np.linalg.norm(out, axis=1, keepdims=True)).astype(np.float32)


def _recall(found: Vectors, exact: Vectors, questions: np.ndarray, allowed: np.ndarray | None = None) -> float:
    found_of = [
        (set(found.search(q, K, allowed)[0].tolist()), set(exact.search(q, K, allowed)[0].tolist())) for q in questions
    ]
    return sum(len(one & other) for one, other in found_of) / sum(len(other) for _, other in found_of)


def _stored(rows: np.ndarray, folder: Path) -> Vectors:
    Vectors.of(rows, DIMENSION).save(folder / "v.faiss", folder / "v.codes.faiss")
    return Vectors.load(folder / "v.faiss", DIMENSION).load_codes(folder / "v.codes.faiss")


def test_codes_find_what_the_exact_search_finds_and_their_scores_are_its_own(rows: np.ndarray, tmp_path: Path) -> None:
    """Recall of the ten nearest is .99 or more, and a row that both find has the same score to the last bit."""
    exact, coded = Vectors.of(rows, DIMENSION), _stored(rows, tmp_path)
    questions = _questions(rows)
    assert _recall(coded, exact, questions) >= 0.99
    one, other = (dict(zip(*map(np.ndarray.tolist, v.search(questions[0], K)), strict=True)) for v in (exact, coded))
    assert all(one[row] == other[row] for row in one.keys() & other.keys())


@pytest.mark.parametrize("share", [0.5, 0.2, 0.01, 0.002])
def test_a_filter_gets_k_of_what_it_passes(rows: np.ndarray, tmp_path: Path, share: float) -> None:
    """However many rows a filter passes, only they are found, as many as asked for, and the nearest."""
    exact, coded = Vectors.of(rows, DIMENSION), _stored(rows, tmp_path)
    allowed = np.random.default_rng(7).random(N) < share
    questions = _questions(rows)
    for question in questions[:10]:
        found = coded.search(question, K, allowed)[0]
        assert allowed[found].all()
        assert len(found) == min(K, int(allowed.sum()))
    assert _recall(coded, exact, questions, allowed) >= 0.99


def test_codes_of_other_rows_find_nothing(rows: np.ndarray) -> None:
    """The control: the codes decide what is found."""
    exact = Vectors.of(rows, DIMENSION)
    wrong = Vectors.of(rows[::-1], DIMENSION).with_codes().codes
    assert _recall(Vectors(exact.index, DIMENSION, wrong), exact, _questions(rows)) < 0.5


def test_few_vectors_have_no_codes(rows: np.ndarray, tmp_path: Path) -> None:
    """Below the threshold no file of codes is written, and the search is exact."""
    Vectors.of(rows[:1_000], DIMENSION).save(tmp_path / "v.faiss", tmp_path / "v.codes.faiss")
    assert not (tmp_path / "v.codes.faiss").exists()


def test_codes_that_do_not_belong_to_the_vectors_are_refused(rows: np.ndarray, tmp_path: Path) -> None:
    """A file of other vectors' codes, of vectors themselves, and one that is cut are all damage, not an answer."""
    here = Vectors.of(rows, DIMENSION)
    here.save(tmp_path / "v.faiss", tmp_path / "v.codes.faiss")
    Vectors.of(rows[:-1], DIMENSION).save(tmp_path / "w.faiss", tmp_path / "w.codes.faiss")
    whole = (tmp_path / "v.codes.faiss").read_bytes()
    (tmp_path / "cut.faiss").write_bytes(whole[: len(whole) // 2])
    for name in ("w.codes.faiss", "v.faiss", "cut.faiss", "absent.faiss"):
        with pytest.raises(IndexDamaged):
            here.load_codes(tmp_path / name)
