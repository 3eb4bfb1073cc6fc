"""Training batches: the loss takes a batch's other documents as wrong answers, so none may be a right one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.common.errors import WrongSettings
from services.indexer.embed.reference import _training_batches

PAIRS = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("uvwxyz")), min_size=1, max_size=30)


@given(pairs=PAIRS, size=st.integers(2, 6), epochs=st.integers(1, 3), seed=st.integers(0, 9))
def test_no_question_and_no_document_comes_twice_in_a_batch(pairs, size, epochs, seed):
    """And every batch has wrong answers to learn from, within the size, from the pairs that were given."""
    try:
        batches = _training_batches(pairs, epochs=epochs, batch_size=size, seed=seed)
    except WrongSettings:
        assert len({question for question, _ in pairs}) == 1 or len({document for _, document in pairs}) == 1
        return
    assert batches == _training_batches(pairs, epochs=epochs, batch_size=size, seed=seed)
    for batch in batches:
        assert 2 <= len(batch) <= size
        assert set(batch) <= set(pairs)
        assert all(len(set(column)) == len(batch) for column in zip(*batch, strict=True))
    assert len([pair for batch in batches for pair in batch]) <= epochs * len(set(pairs))


def test_pairs_without_repeats_are_all_used_in_every_epoch():
    pairs = [(f"q{i}", f"d{i}") for i in range(12)]
    batches = _training_batches(pairs, epochs=2, batch_size=4, seed=1)
    assert len(batches) == 6
    assert sorted(pair for batch in batches[:3] for pair in batch) == sorted(pairs)
    assert batches[:3] != batches[3:]
