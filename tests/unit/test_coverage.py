"""Questions read word by word: what a table says, alone and with those that keys join it with, inside a scope only."""

from __future__ import annotations

import numpy as np
import pytest

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import RESTRICTED, Column, ForeignKey
from services.common.model.search import Filters
from services.indexer.retrieve.coverage import coverage
from services.indexer.retrieve.exact import STEPS, cosines, cosines_of, stepped
from services.indexer.retrieve.lexical import match_tables
from services.indexer.retrieve.neighbourhood import joined_with, surroundings
from services.indexer.retrieve.spans import SpanVectors, pieces
from services.indexer.retrieve.view import view_of
from tests.support.feeds import asset
from tests.support.indexes import CountingEncoder, snapshot_of


def key(column: str, table: str) -> ForeignKey:
    return ForeignKey((column,), tuple(table.split(".")))


SINGER = asset("db.s.singer", "singer_id", "nation", primary_key=("singer_id",))
CONCERT = asset("db.s.concert", "concert_id", "stadium", primary_key=("concert_id",))
BRIDGE = asset(
    "db.s.appearance",
    "singer_id",
    "concert_id",
    foreign_keys=(key("singer_id", "db.s.singer"), key("concert_id", "db.s.concert")),
)
OTHER = asset("db.s.invoice", "invoice_id", "amount")
TABLES = [SINGER, CONCERT, BRIDGE, OTHER]


def read(question: str, items, scope: AccessScope = FULL_SCOPE):
    """A view, the numbers of its tables, and what they say of a question."""
    encoder = CountingEncoder()
    view = view_of(snapshot_of(items, encoder=encoder), scope, Filters())
    spans = SpanVectors().of(question, encoder)
    tables = np.flatnonzero(view.seen)
    return view, tables, coverage(view, spans, match_tables(view, pieces(question)[0]), tables)


def by_name(view, tables, values) -> dict[str, float]:
    return {record.parts[-1]: float(value) for record, value in zip(view.records(tables), values, strict=True)}


def test_words_and_pairs_of_a_question():
    assert pieces("What is the nation of each singer in the concert stadium?") == (
        ("nation", "singer", "concert", "stadium"),
        ("concert stadium",),
    )
    assert pieces("show me all of them") == ((), ())


def test_a_table_says_what_its_name_or_a_column_says():
    view, tables, words = read("nation singer", TABLES)
    said = by_name(view, tables, words.of(words.said))
    assert said["singer"] == pytest.approx(1.0, abs=0.01)
    assert said["invoice"] < 0.2
    assert words.weight.sum() == pytest.approx(1.0)


def test_restricted_columns_say_nothing_for_their_table():
    hidden = asset("db.s.people", "id", Column("passport", tags=(RESTRICTED,)))
    view, tables, words = read("passport", [hidden, *TABLES])
    assert by_name(view, tables, words.of(words.said))["people"] < 0.5


def test_a_table_that_connects_two_that_fit_is_lifted():
    view, tables, words = read("nation singer concert stadium", TABLES)
    evidence = words.of(words.said)
    around = surroundings(view, tables, evidence, words)
    assert max(by_name(view, tables, around.bridge).items(), key=lambda item: item[1])[0] == "appearance"
    assert by_name(view, tables, around.together)["appearance"] > by_name(view, tables, evidence)["appearance"] + 0.3
    assert by_name(view, tables, around.together)["invoice"] == pytest.approx(by_name(view, tables, evidence)["invoice"])


def test_keys_bring_in_what_shares_no_word_but_hubs_do_not():
    view, tables, _ = read("singer", TABLES)
    at = {record.parts[-1]: int(t) for record, t in zip(view.records(tables), tables, strict=True)}
    assert joined_with(view, np.asarray([at["singer"]])).tolist() == [at["appearance"]]
    many = [asset(f"db.s.t{n}", "singer_id", foreign_keys=(key("singer_id", "db.s.singer"),)) for n in range(80)]
    view, tables, _ = read("singer", [SINGER, *many])
    hub = next(int(t) for record, t in zip(view.records(tables), tables, strict=True) if record.parts[-1] == "singer")
    assert joined_with(view, np.asarray([hub])).tolist() == []


def test_hidden_tables_say_nothing_and_join_nothing():
    """Everything equals, to the last bit, what a catalog without the hidden table gives."""
    scope = AccessScope(("*",), ("*appearance*",))
    view, tables, words = read("nation singer concert stadium", TABLES, scope)
    _, _, alone = read("nation singer concert stadium", [SINGER, CONCERT, OTHER])
    assert np.array_equal(words.said, alone.said)
    assert np.array_equal(words.weight, alone.weight)
    around = surroundings(view, tables, words.of(words.said), words)
    assert not around.bridge.any()
    assert not around.neighbour.any()


def test_products_do_not_depend_on_what_stands_beside():
    """Bit for bit the same cosine alone, among others, and in another order."""
    rng = np.random.default_rng(0)
    some, others = (rng.standard_normal((n, 384)).astype(np.float32) for n in (7, 301))
    some, others = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (some, others))
    whole = cosines(stepped(some), stepped(others))
    order = rng.permutation(301)
    assert np.array_equal(cosines(stepped(some), stepped(others[order])), whole[:, order])
    assert np.array_equal(
        np.concatenate([cosines(stepped(some), stepped(others[at : at + 1])) for at in range(301)], 1), whole
    )
    assert np.abs(whole - some @ others.T).max() < 1e-3
    assert STEPS**2 * 1.02 < 2**24


def test_halves_are_taken_in_the_steps_of_floats():
    """Every half of a unit vector, subnormal ones and zeros included, as its float32 is rounded."""
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = every[np.isfinite(every) & (np.abs(every.astype(np.float32)) <= 1.0)].reshape(1, -1)
    assert np.array_equal(stepped(halves), np.rint(halves.astype(np.float32) * STEPS))
    assert np.array_equal(stepped(halves.astype(np.float32)), stepped(halves))


def test_words_that_were_asked_before_are_not_encoded_again():
    encoder, vectors = CountingEncoder(), SpanVectors()
    first = vectors.of("nation of singers", encoder)
    before = encoder.counts.texts
    second = vectors.of("singers by nation", encoder)
    assert encoder.counts.texts == before
    assert {w: tuple(v) for w, v in zip(first.words, first.vectors, strict=False)} == {
        w: tuple(v) for w, v in zip(second.words, second.vectors, strict=False)
    }


def test_cosines_of_rows_are_those_of_the_whole_however_many_there_are():
    """A block at a time, to the last bit, also where the rows stand at odd addresses as in a mapped file."""
    dice = np.random.default_rng(3)
    vectors = dice.standard_normal((700, 48)).astype(np.float32)
    halves = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    room = np.zeros(halves.nbytes + 1, dtype=np.uint8)
    room[1:] = halves.view(np.uint8).ravel()
    odd = room[1:].view(np.float16).reshape(halves.shape)
    asked = stepped(halves[:9].astype(np.float32))
    for n in (0, 1, 255, 256, 257, 700):
        rows = np.sort(dice.choice(700, n, replace=False)).astype(np.int64)
        whole = cosines(stepped(halves[rows]), asked)
        assert cosines_of(halves, rows, asked).tobytes() == whole.tobytes()
        assert cosines_of(odd, rows, asked).tobytes() == whole.tobytes()
