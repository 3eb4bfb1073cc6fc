"""Many vectors stand in lists of neighbours: what is found, inside filters, across a file, and what damaged lists do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.common.errors import IndexDamaged
from services.indexer.index import lists as lists_module
from services.indexer.index import texts as texts_module
from services.indexer.index import vectors as module
from services.indexer.index.lists import Lists
from services.indexer.index.texts import Texts
from services.indexer.index.vectors import Vectors

N, DIMENSION, K = 6_000, 384, 10


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts_module, "LISTED_FROM", 2_000)
    monkeypatch.setattr(module, "EXACT_UP_TO", 500)
    monkeypatch.setattr(lists_module, "ROWS_A_LIST", 20)
    monkeypatch.setattr(module, "READ_SHARE", 8)
    monkeypatch.setattr(module, "READ_A_HIT", 20)
    monkeypatch.setattr(module, "READ_LEAST", 1)


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Rows around 300 centres, as texts about the same things are."""
    dice = np.random.default_rng(5)
    centres = dice.standard_normal((300, DIMENSION))
    out = centres[dice.integers(300, size=N)] + 0.7 * dice.standard_normal((N, DIMENSION))
    return (out / np.linalg.norm(out, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def listed(rows: np.ndarray) -> tuple[Vectors, np.ndarray]:
    """The rows in lists, and which row each one was."""
    return Vectors.of(rows, DIMENSION).listed()


def _questions(rows: np.ndarray, n: int = 60) -> np.ndarray:
    dice = np.random.default_rng(6)
    out = rows[dice.integers(len(rows), size=n)] + 0.03 * dice.standard_normal((n, DIMENSION)).astype(np.float32)
    return (out / np.linalg.norm(out, axis=1, keepdims=True)).astype(np.float32)


def _recall(found: Vectors, exact: Vectors, questions: np.ndarray, mask: np.ndarray | None = None) -> float:
    allowed = [None if mask is None else vectors.selection(mask) for vectors in (found, exact)]
    found_of = [
        tuple(set(v.search(q, K, a)[0].tolist()) for v, a in zip((found, exact), allowed, strict=True)) for q in questions
    ]
    return sum(len(one & other) for one, other in found_of) / sum(len(other) for _, other in found_of)


def test_lists_find_what_the_exact_search_finds_with_the_same_scores(listed, rows) -> None:
    """Recall of the ten nearest is .99 or more, and a row that both find has the same score to the last bit, and by `scores`."""
    vectors, _ = listed
    exact, questions = replace(vectors, lists=None), _questions(rows)
    assert _recall(vectors, exact, questions) >= 0.99
    one, other = (dict(zip(*map(np.ndarray.tolist, v.search(questions[0], K)), strict=True)) for v in (exact, vectors))
    assert all(one[row] == other[row] for row in one.keys() & other.keys())
    again = vectors.scores(questions[0], np.asarray(list(other) * 40, dtype=np.int64))
    assert again.tolist() == list(other.values()) * 40


def test_a_row_is_itself_wherever_it_stands(listed, rows) -> None:
    """The order says which row each one was."""
    vectors, order = listed
    assert sorted(order.tolist()) == list(range(N))
    exact = Vectors.of(rows, DIMENSION)
    assert (vectors.rows == exact.rows[order]).all()


@pytest.mark.parametrize("share", [0.5, 0.2, 0.01, 0.002])
@pytest.mark.parametrize("together", [False, True])
def test_a_filter_gets_k_of_what_it_passes(listed, rows, share: float, together: bool) -> None:
    """However many rows a filter passes, spread or all in lists far from the question, they are found, and the nearest."""
    vectors, order = listed
    dice = np.random.default_rng(7)
    allowed = order < N * share if not together else np.arange(N) < N * share
    allowed = dice.permutation(allowed) if not together else allowed
    questions = _questions(rows)
    for question in questions[:10]:
        found = vectors.search(question, K, vectors.selection(allowed))[0]
        assert allowed[found].all()
        assert len(found) == min(K, int(allowed.sum()))
    assert _recall(vectors, replace(vectors, lists=None), questions, allowed) >= 0.99


def test_lists_of_other_rows_find_little(listed, rows) -> None:
    """The control: the lists decide what is found."""
    vectors, _ = listed
    wrong = replace(vectors, lists=replace(vectors.lists, centres=vectors.lists.centres[::-1]))
    assert _recall(wrong, replace(vectors, lists=None), _questions(rows)) < 0.5


def test_texts_keep_their_vectors_in_lists(rows) -> None:
    """Each text has its own vector after as before, texts without one have none, and few texts stay as they are."""
    hashes = np.arange(16 * (N + 50), dtype=np.uint32).astype(np.uint8).reshape(-1, 16)
    row = np.full(N + 50, -1, dtype=np.int32)
    row[np.random.default_rng(8).permutation(N + 50)[:N]] = np.arange(N, dtype=np.int32)
    texts = Texts(hashes, row, Vectors.of(rows, DIMENSION))
    after = texts.listed()
    have = row >= 0
    assert ((after.row >= 0) == have).all()
    assert (after.vectors.rows[after.row[have]] == texts.vectors.rows[row[have]]).all()
    assert after.listed() is after
    few = Texts(hashes[:100], np.arange(100, dtype=np.int32), Vectors.of(rows[:100], DIMENSION))
    assert few.listed() is few


def test_lists_that_do_not_belong_to_the_vectors_are_refused(listed, rows, tmp_path: Path) -> None:
    """Lists of fewer rows, that run backwards, of another dimension or with centres that are no numbers are damage."""
    vectors, _ = listed
    vectors.save(tmp_path / "v.faiss")
    read = Vectors.load(tmp_path / "v.faiss", DIMENSION)
    assert (read.with_lists(vectors.lists).rows == vectors.rows).all()
    centres, start = vectors.lists.centres, vectors.lists.start
    nowhere = np.where(np.arange(len(centres))[:, None] == 3, np.float32(np.nan), centres)
    for wrong in (
        Lists(centres, np.minimum(start, N - 1)),
        Lists(centres, start[::-1]),
        Lists(centres[:-1], start),
        Lists(centres[:, :8], start),
        Lists(nowhere, start),
        Lists(centres, start[:1]),
    ):
        with pytest.raises(IndexDamaged):
            read.with_lists(wrong)
