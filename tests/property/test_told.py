"""What a view's descriptions say of short forms, and which of its texts have vectors: counted over segments as by hand."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import numpy as np
import pytest

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.search import Filters
from services.indexer.index.segment import build_segment
from services.indexer.index.snapshot import Live, Snapshot
from services.indexer.retrieve.named import Named, number, numbers
from services.indexer.retrieve.told import counted
from services.indexer.retrieve.view import view_of
from services.indexer.text.abbreviations import SEPARATOR, evidence_terms
from services.indexer.text.document import document_of, text_hash
from tests.support.feeds import asset

WORDS = {"cust": "customer", "amt": "amount", "addr": "address", "dept": "department", "qty": "quantity"}
SCOPES = [FULL_SCOPE, AccessScope(("*.a.*",)), AccessScope(("*",), ("*t1*",)), AccessScope()]
DIMENSION = 8


def tables_by_lot(chance: random.Random):
    """Some tables; many descriptions are written twice, and what a short form means is not always what they say."""
    for at in range(chance.randrange(2, 30)):
        columns = []
        for short in chance.sample(list(WORDS), chance.randrange(0, 4)):
            said = chance.choice([WORDS[short], WORDS[short], chance.choice(list(WORDS.values())), "customer address"])
            columns.append(f"{short}_{chance.choice(['id', 'no'])}: {chance.choice(['the', 'a new'])} {said}")
        yield asset(f"wh.{chance.choice('ab')}.t{at}", *columns)


def snapshot_by_lot(chance: random.Random):
    """Segments of several tables or one, some of whose tables are no longer current: written again later, or gone."""
    every = list(tables_by_lot(chance))
    parts, current, have = [], {}, {}
    for _ in range(chance.randrange(1, 5)):
        some = chance.sample(every, chance.randrange(1, len(every) + 1))
        documents = [document_of(one) for one in some]
        known = {text_hash(text) for document in documents for text in document.texts if chance.random() < 0.6}
        vectors = {text: np.zeros(DIMENSION, np.float16) for text in known}
        segment = build_segment(documents, lambda asked, v=vectors: {one: v[one] for one in asked if one in v}, DIMENSION)
        mask = np.asarray([chance.random() < 0.8 for _ in some], dtype=np.bool_)
        parts.append(Live(segment, mask))
        for one, document, lives in zip(some, documents, mask, strict=True):
            if lives:
                current.setdefault(one.id, (one, document))
                for text in document.texts:
                    have[text] = have.get(text, False) or text_hash(text) in known
    return Snapshot(tuple(parts), 1, 1, DIMENSION), current, have


def by_hand(assets):
    described, candidates, told = defaultdict(set), defaultdict(set), defaultdict(set)
    for one in assets:
        for term in evidence_terms(one):
            short, meaning, text = term.split(SEPARATOR)
            if meaning:
                told[short, meaning].add(text)
                candidates[short].add(text)
            else:
                described[short].add(text)
    return [{key: len(texts) for key, texts in one.items()} for one in (told, described, candidates)]


@pytest.mark.parametrize("seed", range(60))
def test_counted_as_by_hand(seed):
    """However tables are spread over segments: each text once, and only what the scope shows."""
    snapshot, current, _ = snapshot_by_lot(random.Random(seed))
    for scope in SCOPES:
        seen = [one for one, _ in current.values() if scope.permits(document_of(one).record.scope_path)]
        told, described, candidates = by_hand(seen)
        found, where = Counter(), Counter()
        for one in counted(view_of(snapshot, scope, Filters())):
            short_of = [one.evidence.words(int(first))[0] for first in one.evidence.short_begin]
            for pair in np.flatnonzero(one.texts).tolist():
                short, meaning = one.evidence.words(pair)
                where[short, meaning] += 1
                if meaning:
                    found[short, meaning] += int(one.texts[pair])
                    at = one.evidence.short_of[pair]
                    assert short_of[at] == short
                    assert one.described[at] == described.get(short, 0)
                    assert one.candidates[at] == candidates.get(short, 0)
        assert found == told
        assert set(where.values()) <= {1}, "a pair is counted in one segment"


@pytest.mark.parametrize("seed", range(60))
def test_texts_with_vectors_as_by_hand(seed):
    """Each text once, embedded where any segment that shows it has its vector."""
    snapshot, current, have = snapshot_by_lot(random.Random(seed))
    texts = {text for _, document in current.values() for text in document.texts}
    done, every = view_of(snapshot, FULL_SCOPE, Filters()).coverage
    assert (done, every) == (sum(have[text] for text in texts), len(texts))


def test_a_text_has_one_number_wherever_it_stands():
    """Among many, and where more are read than at once; other texts have others, though they only differ in length or order."""
    chance = random.Random(5)
    texts = [bytes(chance.choices(b"ab\t\0", k=chance.randrange(0, 40))) for _ in range(70_000)]
    written = np.frombuffer(b"".join(texts), np.uint8)
    end = np.cumsum([len(text) for text in texts])
    found = numbers(written, end - [len(text) for text in texts], end).tolist()
    assert found[-500:] == [number(text) for text in texts[-500:]]
    assert len(set(found)) == len(set(texts))
    assert number(b"ab") != number(b"ba") != number(b"ba\0")


def test_places_in_another_are_found_once():
    """Things that the other does not have stand nowhere, and nothing stands in what is empty."""
    some, other, none = (
        Named(np.array([7, 3, 9], np.uint64)),
        Named(np.array([9, 1, 7], np.uint64)),
        Named(np.zeros(0, np.uint64)),
    )
    assert some.places_in(other).tolist() == [2, -1, 0]
    assert some.places_in(other) is some.places_in(other)
    assert some.places_in(none).tolist() == [-1, -1, -1]
    assert (some.at(3), some.at(4)) == (1, None)
