"""The log of answers and of what people did with them: joined, idempotent, bounded, inside scopes. On SQLite and PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from services.catalog import feedback
from services.catalog.feedback import FeedbackLog
from services.catalog.feedback_events import Event
from services.catalog.search import WholeAnswer, WholeHit
from services.catalog.search_history import SearchHistory
from services.catalog.store import tables
from services.common.errors import BadRequest, NotFound, TooMany, WrongSettings
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Kind
from services.common.model.feedback import Judged
from services.common.model.names import AssetId
from services.common.model.search import Hit, Mode, SearchAnswer
from services.common.runtime.pseudonyms import FILE, Pseudonyms, home_key
from tests.support import catalogs
from tests.support.catalogs import Catalog, id_of, person, table

ORDERS, BILLS, PAY = (id_of(name) for name in ("orders", "bills", "pay"))
LONG_AGO = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
ANN, BOB = person("ann"), person("bob")


@dataclass
class Log:
    """A catalog of three tables with its log of answers."""

    catalog: Catalog
    asked: int = 0
    more: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.catalog.crawl(table("orders", "id"), table("bills", "id"), table("pay", "id"))
        stand_ins = Pseudonyms(b"k" * 32)
        self.log = FeedbackLog(
            self.catalog.database, self.catalog.reader, lambda: stand_ins, clock=self.catalog.clock, **self.more
        )
        self.history = SearchHistory(self.catalog.database, clock=self.catalog.clock)

    def answer(
        self,
        text: str,
        *ids: AssetId,
        who: Any = ANN,
        offset: int = 0,
        total: int | None = None,
        query_id: str | None = None,
    ) -> str:
        """An answer that was given; its query id."""
        self.asked += 1
        hits = tuple(Hit(one, one, Kind.TABLE, 1.0) for one in ids)
        assets = self.catalog.reader.many(list(ids), FULL_SCOPE)
        found = SearchAnswer(Mode.LEXICAL, (), 0.5, "1.1", len(ids) if total is None else total, hits, {}, None, 1.0, offset)
        whole = WholeAnswer(found, tuple(WholeHit(hit, assets[hit.asset], None) for hit in hits))
        name = query_id or f"q{self.asked}"
        self.log.note(whole, text, who, name)
        return name

    def records(self) -> list[Any]:
        self.log.flush()
        return list(self.history.records(LONG_AGO))

    def count(self) -> tuple[int, int]:
        return len(self.catalog.rows(tables.search_answer)), len(self.catalog.rows(tables.search_feedback))


@pytest.fixture(params=catalogs.DATABASES)
def catalog(request, tmp_path) -> Iterator[Catalog]:
    yield from catalogs.opened(request.param, request, tmp_path)


@pytest.fixture
def made(catalog) -> Log:
    return Log(catalog)


def click(hit: str | None, position: int | None = None) -> Event:
    return Event("click", hit, position)


def seen(hit: str, position: int | None = None) -> Event:
    return Event("impression", hit, position)


def verdict(said: Judged | None, hit: str | None = None) -> Event:
    return Event("verdict", hit, verdict=said)


def test_an_answer_is_recorded_with_what_came_of_it(made):
    """Places count through all pages; the question is folded; nobody's name is stored."""
    query = made.answer("  Open  ORDERS ", BILLS, ORDERS, offset=10)
    events = [seen(BILLS, 11), seen(ORDERS), click(ORDERS, 12), verdict(Judged.GOOD, ORDERS), verdict(Judged.BAD)]
    assert made.log.receive(query, events, ANN) == 5
    (record,) = made.records()
    assert (record.query_id, record.words, record.total, record.generation) == (query, "open orders", 2, "1.1")
    assert [(one.asset, one.position) for one in record.shown] == [(BILLS, 11), (ORDERS, 12)]
    assert record.seen == {BILLS, ORDERS}
    assert [one.id for one in record.opened] == [ORDERS]
    assert dict(record.judged) == {ORDERS: Judged.GOOD, "": Judged.BAD}
    assert all("ann" not in str(row) for row in made.catalog.rows(tables.search_answer))


def test_the_same_again_changes_nothing(made):
    query = made.answer("orders", ORDERS)
    events = [seen(ORDERS), click(ORDERS), verdict(Judged.GOOD, ORDERS)]
    assert [made.log.receive(query, events, ANN) for _ in range(3)] == [3, 0, 0]
    before = made.catalog.rows(tables.search_feedback)
    assert made.log.receive(query, [click(ORDERS), click(ORDERS)], ANN) == 0
    assert made.catalog.rows(tables.search_feedback) == before


def test_the_last_verdict_stands_and_can_be_taken_back(made):
    query = made.answer("orders", ORDERS)
    made.log.receive(query, [verdict(Judged.GOOD, ORDERS), verdict(Judged.BAD, ORDERS)], ANN)
    assert dict(made.records()[0].judged) == {ORDERS: Judged.BAD}
    assert made.log.receive(query, [verdict(None, ORDERS)], ANN) == 1
    assert made.log.receive(query, [verdict(None, ORDERS)], ANN) == 0
    assert made.records()[0].judged == ()


def test_another_caller_s_answer_is_unknown(made):
    """Whoever guesses a query id learns nothing and adds nothing."""
    query = made.answer("orders", ORDERS)
    for who, name in ((BOB, query), (ANN, "never"), (ANN, "\x00\ud800")):
        with pytest.raises(NotFound, match="was given to you"):
            made.log.receive(name, [click(ORDERS)], who)
    assert made.count() == (1, 0)


def test_two_callers_may_use_one_query_id(made):
    """Callers may choose their request's id: nobody can take another's."""
    made.answer("orders", ORDERS, query_id="same")
    made.answer("bills", BILLS, who=BOB, query_id="same")
    made.answer("again", PAY, query_id="same")  # ann uses it twice: the first stays
    assert made.log.receive("same", [click(BILLS)], BOB) == 1
    assert made.log.receive("same", [click(ORDERS)], ANN) == 1
    with pytest.raises(BadRequest):
        made.log.receive("same", [click(PAY)], ANN)


def test_one_wrong_event_refuses_all(made):
    query = made.answer("orders", ORDERS, BILLS)
    with pytest.raises(BadRequest) as refused:
        made.log.receive(query, [click(ORDERS), click(PAY), click(BILLS, 1)], ANN)
    assert [(one["pointer"], one["detail"]) for one in refused.value.errors] == [
        ("/events/1/id", "the answer has no such hit"),
        ("/events/2/position", "the answer has it in place 2"),
    ]
    assert made.count() == (1, 0)


def test_what_a_scope_hides_now_is_like_what_never_was_there(made):
    """The answer was given before the scope became narrow, or the table went."""
    query = made.answer("orders", ORDERS, PAY)
    narrow = person("ann", AccessScope(("*",), ("*.pay",)))
    hidden, unknown = [], []
    for told, asset in ((hidden, PAY), (unknown, id_of("nix"))):
        with pytest.raises(BadRequest) as refused:
            made.log.receive(query, [click(asset)], narrow)
        told.extend([refused.value.detail, refused.value.errors])
    assert hidden == unknown
    made.catalog.crawl(table("orders", "id"), table("bills", "id"))
    with pytest.raises(BadRequest):
        made.log.receive(query, [click(PAY)], ANN)
    assert made.count() == (1, 0)


def test_feedback_may_come_before_the_answer_was_written(made):
    """Answers are written in the background; whoever is quicker is not told that there is none."""
    query = made.answer("orders", ORDERS)
    assert made.count() == (0, 0)
    made.log.receive(query, [click(ORDERS)], ANN)
    assert made.count() == (1, 1)


def test_a_listing_without_words_is_no_question(made):
    made.answer("   ", ORDERS)
    assert made.records() == []


def test_more_answers_than_can_wait_are_left_out(made, monkeypatch):
    """The memory of a server that cannot write stays bounded, and answering goes on."""
    monkeypatch.setattr(feedback, "QUEUE", 3)
    for _ in range(5):
        made.answer("orders", ORDERS)
    assert len(made.records()) == 3


def test_passwords_that_were_pasted_are_masked(made):
    made.answer("postgresql://svc:Hunter2hunter2@db1/shop", ORDERS)
    (row,) = made.catalog.rows(tables.search_answer) if made.records() else ()
    assert "hunter2" not in str(row).lower()


def test_hashes_only(catalog):
    """Questions in words are nowhere; equal ones can still be told to be equal."""
    made = Log(catalog, more={"keeping": "hashes"})
    for text in ("zebra crossing", "Zebra  crossing", "other"):
        made.answer(text, ORDERS)
    first, second, third = made.records()
    assert first.words_key == second.words_key != third.words_key
    assert "zebra" not in str(catalog.rows(tables.search_answer)).lower()


def test_switched_off(catalog):
    """Nothing is recorded, and feedback is told why."""
    made = Log(catalog, more={"keeping": "off"})
    query = made.answer("orders", ORDERS)
    with pytest.raises(NotFound, match="search_log is off"):
        made.log.receive(query, [click(ORDERS)], ANN)
    assert made.count() == (0, 0)


def test_what_is_old_is_forgotten(made):
    old = made.answer("orders", ORDERS)
    made.log.receive(old, [click(ORDERS)], ANN)
    made.catalog.clock.now += dt.timedelta(days=89)
    assert made.log.forget() == 0
    made.answer("bills", BILLS)
    made.log.flush()
    made.catalog.clock.now += dt.timedelta(days=2)
    assert made.log.forget() == 1
    assert [row["words"] for row in made.catalog.rows(tables.search_answer)] == ["bills"]
    assert made.count() == (1, 0)


def test_the_oldest_make_room(made, monkeypatch):
    """An answer takes its feedback along."""
    monkeypatch.setattr(feedback, "MAX_ANSWERS", 2)
    queries = [made.answer(f"orders {n}", ORDERS) for n in range(4)]
    for query in queries:
        made.log.receive(query, [click(ORDERS)], ANN)
    assert made.log.forget() == 2
    assert {row["query_id"] for row in made.catalog.rows(tables.search_feedback)} == set(queries[2:])


def test_one_caller_cannot_flood(made, monkeypatch):
    """A burst is taken, then a trickle; another caller is not held up."""
    query, other = made.answer("orders", ORDERS), made.answer("orders", ORDERS, who=BOB)
    monkeypatch.setattr(feedback, "BURST", 3.0)
    monkeypatch.setattr(feedback, "PER_S", 0.0)
    for _ in range(3):
        made.log.receive(query, [click(ORDERS)], ANN)
    with pytest.raises(TooMany):
        made.log.receive(query, [click(ORDERS)], ANN)
    assert made.log.receive(other, [click(ORDERS)], BOB) == 1


def test_records_follow_renames(made):
    """What is known of a table that got another name belongs to that one."""
    query = made.answer("orders", ORDERS)
    made.log.receive(query, [click(ORDERS)], ANN)
    with made.catalog.database.write() as connection:
        row = {"old_id": ORDERS, "new_id": BILLS, "scope_path": "x", "qualified": "x", "at": made.catalog.clock()}
        connection.execute(tables.renamed.insert(), row)
    assert [one.asset for one in made.records()[0].shown] == [BILLS]


class TestFigures:
    """What administrators are told."""

    def test_zero_results_and_abandoned(self, made):
        """By people first; only what somebody saw can be abandoned, and not before ten minutes have gone."""
        for who in (ANN, ANN, BOB):
            made.answer("nothing at all", who=who)
        for _ in range(5):
            made.answer("repeated by ann")
        left = made.answer("left", ORDERS)
        made.log.receive(left, [seen(ORDERS)], ANN)
        made.answer("asked by a program", ORDERS)
        opened = made.answer("opened", ORDERS)
        made.log.receive(opened, [seen(ORDERS), click(ORDERS)], ANN)
        early = made.history.figures(weeks=1, limit=10)
        assert early.abandoned == ()
        made.catalog.clock.now += dt.timedelta(minutes=11)
        found = made.history.figures(weeks=1, limit=10)
        told = [(one.words, one.times, one.people) for one in found.zero_results]
        assert told == [("nothing at all", 3, 2), ("repeated by ann", 5, 1)]
        assert [one.words for one in found.abandoned] == ["left"]
        assert (found.answers, found.people, found.seen, found.opened) == (11, 2, 2, 1)
        assert len(made.history.figures(weeks=1, limit=1).zero_results) == 1

    def test_clicks_by_rank_by_week_and_time_to_the_first(self, made):
        """Later pages are no answers of their own, but their clicks stand at their ranks."""
        query = made.answer("orders", BILLS, ORDERS)
        made.log.flush()
        made.catalog.clock.now += dt.timedelta(seconds=30)
        made.log.receive(query, [click(ORDERS)], ANN)
        page = made.answer("orders", PAY, offset=2)
        made.log.receive(page, [click(PAY)], ANN)
        made.catalog.clock.now += dt.timedelta(days=7)
        made.answer("bills", BILLS)
        made.log.flush()
        found = made.history.figures(weeks=4, limit=5)
        first, second = found.weeks
        assert (first.answers, first.opened, dict(first.clicks_by_rank)) == (1, 1, {2: 1, 3: 1})
        assert (second.answers, dict(second.clicks_by_rank)) == (1, {})
        assert first.monday.weekday() == 0
        assert second.monday - first.monday == dt.timedelta(days=7)
        median_s, slow_s = found.first_open_s
        assert 30 <= median_s == slow_s < 40
        assert made.history.figures(weeks=1, limit=5).answers == 1

    def test_nothing_yet(self, made):
        found = made.history.figures(weeks=1, limit=5)
        assert (found.answers, found.weeks, found.first_open_s) == (0, (), None)
        for weeks in (0, -1, 10_000):
            with pytest.raises(BadRequest):
                made.history.figures(weeks=weeks, limit=5)


class TestPseudonyms:
    """Stand-ins under a key of the home."""

    def test_equal_for_equal_and_different_by_key(self):
        one, other = Pseudonyms(b"a" * 32), Pseudonyms(b"b" * 32)
        assert one.principal("ann") == Pseudonyms(b"a" * 32).principal("ann")
        assert len({one.principal("ann"), one.principal("bob"), other.principal("ann"), one.words("ann")}) == 4

    def test_the_key_is_made_once_for_its_owner_alone(self, tmp_path: Path):
        key = home_key(tmp_path)
        assert home_key(tmp_path) == key
        assert home_key(tmp_path / "other") != key
        assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600

    def test_a_damaged_key_is_said(self, tmp_path: Path):
        (tmp_path / FILE).write_text("zz")
        with pytest.raises(WrongSettings, match="damaged"):
            home_key(tmp_path)
