"""Segments: merged is built, and how tables are spread over segments changes no answer. The access oracle stands on this."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import RESTRICTED, Asset, Column, ForeignKey, Kind, Status
from services.common.model.search import Filters, SearchAnswer, SearchQuery
from services.indexer.embed.hashing import HashingEncoder
from services.indexer.index.generation import Generations
from services.indexer.index.lookups import lookup_arrays
from services.indexer.index.manifest import describe
from services.indexer.index.segment import build_segment, merge_segments
from services.indexer.index.shape import misfits
from services.indexer.index.snapshot import Live, Snapshot
from services.indexer.retrieve.view import view_of
from services.indexer.store.cache import no_vectors
from services.indexer.text.document import document_of, text_hash
from tests.support.campaigns import examples
from tests.support.feeds import asset
from tests.support.indexes import lookup_for, retriever

ENCODER = HashingEncoder(32)
WORDS = ["order", "customer", "price", "day", "id", "line", "status", "country"]
NAME = st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map("_".join)
TEXT = st.none() | st.lists(st.sampled_from([*WORDS, "the"]), min_size=1, max_size=5).map(" ".join)
COLUMN = st.builds(Column, NAME, description=TEXT, tags=st.sampled_from([(), (), (), (RESTRICTED,)]))
KEYS = st.lists(
    st.builds(ForeignKey, st.just(("id",)), st.tuples(st.sampled_from(WORDS)), st.just(("id",))), max_size=2
).map(tuple)
QUESTIONS = ["order", "price of a customer", "country.line", "sales.order", "sales.order.id", "zebra", "day day status", ""]
SCOPES = [FULL_SCOPE, AccessScope(("*",), ("*sales*",)), AccessScope(("*price*", "*mart*"), ("*day*",)), AccessScope()]


@st.composite
def assets(draw, max_size: int = 14) -> list[Asset]:
    """Tables with few words, so that scores are equal often, each under its own id."""
    made: dict[str, Asset] = {}
    for _ in range(draw(st.integers(0, max_size))):
        schema = draw(st.sampled_from(["sales", "mart"]))
        columns = {column.name: column for column in draw(st.lists(COLUMN, max_size=5))}
        one = asset(
            f"shop.{schema}.{draw(NAME)}",
            *columns.values(),
            description=draw(TEXT),
            kind=draw(st.sampled_from([Kind.TABLE, Kind.VIEW])),
            tags=draw(st.sampled_from([(), ("core",), ("core", "pii")])),
            status=draw(st.sampled_from([None, Status.ENDORSED, Status.DEPRECATED])),
            foreign_keys=draw(KEYS) if columns else (),
        )
        made[one.id] = one
    return list(made.values())


def parts_of(groups, vectors, dimension=32) -> tuple[Live, ...]:
    segments = [build_segment([document_of(one) for one in group], vectors, dimension) for group in groups]
    return tuple(Live(segment, np.ones(len(segment), dtype=np.bool_)) for segment in segments)


def split(data, items) -> list[list[Asset]]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(items)), max_size=4)))
    return [items[start:end] for start, end in pairwise([0, *cuts, len(items)])]


class ScatteredEncoder(HashingEncoder):
    """Vectors with a number in every place, as a model's, so that the order in which they are added up would show."""

    def encode_documents(self, texts):
        rows = [np.random.default_rng(list(text_hash(text))).normal(size=self.dimension) for text in texts]
        return np.asarray([row / np.linalg.norm(row) for row in rows], dtype=np.float32)

    def encode_query(self, text):
        return self.encode_documents([text])[0]


def plain(answer: SearchAnswer) -> SearchAnswer:
    # the cursor holds what it was made from; the rest must be equal
    return replace(answer, cursor="more" if answer.cursor else None)


KINDS = [(), (Kind.COLUMN,), (Kind.VIEW, Kind.COLUMN), (Kind.VIEW,)]
ASKED = list(product(QUESTIONS, KINDS, SCOPES))
some_of_asked = st.lists(st.sampled_from(ASKED), min_size=6, max_size=6, unique=True)


def answers(snapshot: Snapshot, encoder: HashingEncoder | None, asked) -> list[SearchAnswer]:
    search = retriever(snapshot, encoder)
    return [
        plain(search.search(SearchQuery(text, scope, 50, None, Filters(kind=kinds), answer_set=True)))
        for text, kinds, scope in asked
    ]


def suggested(snapshot: Snapshot):
    search = retriever(snapshot)
    return [search.suggest(prefix, scope, limit=50) for scope in SCOPES for prefix in ("o", "pri", "sales.", "line")]


@settings(max_examples=examples(40), deadline=None)
@given(assets(), st.data())
def test_how_tables_are_spread_over_segments_changes_no_answer(items, data):
    """Ids, order, scores, reasons, columns, totals, facets, coverage: equal for one segment and for any split in any order."""
    encoder = data.draw(st.sampled_from([ENCODER, None]))
    documents = [document_of(one) for one in items]
    vectors = lookup_for(documents, ENCODER) if documents else lambda _hashes: {}
    whole = Snapshot(parts_of([items], vectors), 1, 1, 32)
    shuffled = data.draw(st.permutations(items))
    pieces = Snapshot(parts_of(split(data, shuffled), vectors), 1, 1, 32)
    asked = data.draw(some_of_asked)
    assert answers(whole, encoder, asked) == answers(pieces, encoder, asked)
    assert suggested(whole) == suggested(pieces)


def test_a_catalog_beyond_the_depth_of_the_candidates_answers_the_same_in_pieces():
    """600 tables, many with equal scores, more than any list of candidates holds: cut into pieces nothing moves."""
    encoder = ScatteredEncoder(384)
    rng = np.random.default_rng(5)
    many = [f"w{at}" for at in range(40)]

    def some(n):
        return [str(word) for word in rng.choice(many, size=n)]

    items = [
        asset(f"db.s{row % 7}.{'_'.join(some(2))}_{row}", *dict.fromkeys("_".join(some(2)) for _ in range(6)))
        for row in range(600)
    ]
    vectors = lookup_for([document_of(one) for one in items], encoder)
    whole = Snapshot(parts_of([items], vectors, 384), 1, 1, 384)
    shuffled = [items[at] for at in rng.permutation(len(items))]
    pieces = Snapshot(parts_of([shuffled[:7], shuffled[7:300], shuffled[300:301], shuffled[301:]], vectors, 384), 1, 1, 384)
    hidden = AccessScope(("*",), ("*s3*",))
    asked = [(" ".join(some(3)), kinds, scope) for kinds in KINDS for scope in (FULL_SCOPE, hidden) for _ in range(4)]
    assert answers(whole, encoder, asked) == answers(pieces, encoder, asked)


@settings(max_examples=examples(40), deadline=None)
@given(assets(), st.data())
def test_what_is_dead_or_hidden_moves_nothing(items, data):
    """An answer over live rows, and one inside a scope, are those of an index that never had the others."""
    documents = [document_of(one) for one in items]
    vectors = lookup_for(documents, ENCODER) if documents else lambda _hashes: {}
    dead = data.draw(st.sets(st.integers(0, max(len(items) - 1, 0))))
    mask = np.asarray([row not in dead for row in range(len(items))], dtype=np.bool_)
    (live,) = parts_of([items], vectors)
    marked = Snapshot((Live(live.segment, mask),), 1, 1, 32)
    alive = [one for one, stays in zip(items, mask, strict=True) if stays]
    without = Snapshot(parts_of([alive], vectors), 1, 1, 32)
    asked = data.draw(some_of_asked)
    assert answers(marked, ENCODER, asked) == answers(without, ENCODER, asked)
    assert suggested(marked) == suggested(without)
    scope = data.draw(st.sampled_from(SCOPES))
    shown = Snapshot(parts_of([[one for one in alive if scope.permits(one.scope_path)]], vectors), 1, 1, 32)
    inside = [(text, kinds, scope) for text, kinds, _ in asked]
    everything = [(text, kinds, FULL_SCOPE) for text, kinds, _ in asked]
    assert answers(marked, ENCODER, inside) == answers(shown, ENCODER, everything)


def edges(snapshot: Snapshot, scope: AccessScope):
    view = view_of(snapshot, scope, Filters())
    joins = view.joins
    assert np.array_equal(joins.degrees, np.bincount(np.concatenate([joins.source, joins.target]), minlength=view.rows))
    ends = zip(joins.source.tolist(), joins.target.tolist(), joins.nth.tolist(), strict=True)
    return sorted((view.record(one).id, view.record(other).id, nth) for one, other, nth in ends)


@settings(max_examples=examples(60), deadline=None)
@given(assets(), st.data())
def test_a_hidden_or_dead_table_leaves_no_join(items, data):
    """The graph of keys is that of an index that never had the others, however it was cut and merged."""
    scope = data.draw(st.sampled_from(SCOPES))
    parts = parts_of(split(data, items), no_vectors)
    dead = data.draw(st.sets(st.integers(0, max(len(items) - 1, 0))))
    at, marked = 0, []
    for part in parts:
        n = len(part.segment)
        marked.append(Live(part.segment, np.asarray([at + row not in dead for row in range(n)], dtype=np.bool_)))
        at += n
    alive = [one for row, one in enumerate(items) if row not in dead]
    shown = edges(
        Snapshot(parts_of([[one for one in alive if scope.permits(one.scope_path)]], no_vectors), 1, 1, 32), FULL_SCOPE
    )
    assert edges(Snapshot(tuple(marked), 1, 1, 32), scope) == shown
    merged = merge_segments([part.segment for part in marked], [part.mask for part in marked])
    assert edges(Snapshot((Live(merged, np.ones(len(merged), dtype=np.bool_)),), 1, 1, 32), scope) == shown


@settings(max_examples=50, deadline=None)
@given(assets(), st.data())
def test_a_merge_is_a_build_of_the_documents_that_are_kept(items, data):
    """Records, words, lengths, text hashes and vectors, whatever was left out and however it was split."""
    documents = [document_of(one) for one in items]
    vectors = lookup_for(documents, ENCODER) if documents else lambda _hashes: {}
    groups = [group for group in split(data, items) if group] or [[]]
    keep = [np.asarray(data.draw(st.lists(st.booleans(), min_size=len(g), max_size=len(g))), dtype=bool) for g in groups]
    merged = merge_segments([part.segment for part in parts_of(groups, vectors)], keep)
    kept = [one for group, mask in zip(groups, keep, strict=True) for one, stays in zip(group, mask, strict=True) if stays]
    built = build_segment([document_of(one) for one in kept], vectors, 32)
    assert contents(merged) == contents(built)
    assert misfits(merged) == []
    assert len(merged.texts.row) == len(built.texts.row)


@settings(max_examples=15, deadline=None)
@given(items=assets(), asked=some_of_asked)
def test_a_segment_read_from_disk_is_the_one_that_was_written(tmp_path_factory, items, asked):
    """Through files and back: the same contents, and the same answers."""
    documents = [document_of(one) for one in items]
    vectors = lookup_for(documents, ENCODER) if documents else lambda _hashes: {}
    (live,) = parts_of([items], vectors)
    folder = tmp_path_factory.mktemp("index")
    writing = Generations(folder)
    manifest = describe(1, [(writing.write(live.segment)[0], live)], model=("m", ""), dimension=32, seq=1, fence=1)
    writing.publish(manifest, may=lambda: True)
    reading = Generations(folder)
    assert reading.current() == manifest
    (again,) = reading.open(manifest)
    assert contents(again.segment) == contents(live.segment)
    read, written = (Snapshot((part,), 1, 1, 32) for part in (again, live))
    assert answers(read, ENCODER, asked) == answers(written, ENCODER, asked)


def contents(segment):
    """Everything that a segment says of each table, however its texts are numbered."""

    def words(postings):
        out: dict[int, dict[bytes, tuple]] = {}
        for at, term in enumerate(postings.terms()):
            here = slice(int(postings.start[at]), int(postings.start[at + 1]))
            for document, tf in zip(postings.docs[here].tolist(), postings.tf[here].tolist(), strict=True):
                out.setdefault(document, {})[term] = tuple(tf)
        return out, postings.lengths.tolist()

    def vectors(used, texts):
        rows = [int(texts.row[text]) for text in used]
        return [
            (texts.hash(int(text)), texts.vectors.rows[row].tobytes() if row >= 0 else None)
            for text, row in zip(used, rows, strict=True)
        ]

    return (
        tuple(segment.records),
        {name: array.tolist() for name, array in lookup_arrays(segment).items()},
        words(segment.words),
        words(segment.column_words),
        segment.column_start.tolist(),
        segment.restricted.tolist(),
        vectors(segment.text, segment.texts),
        vectors(segment.column_text, segment.column_texts),
    )
