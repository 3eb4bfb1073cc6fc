"""Learning from clicks: looks by place are told apart from liking, one person moves nothing, hidden tables move nothing."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from services.common.errors import BadRequest
from services.common.model.feedback import AnswerRecord, Judged, Opened, Shown
from services.common.model.names import AssetId
from services.indexer.learn.evidence import FeedbackEvidence, learn, read, write
from services.indexer.learn.propensity import DEPTH, LEAST, Seen, looks, prior

NOW = dt.datetime(2031, 1, 1, tzinfo=dt.UTC)


def words(text: str) -> list[str]:
    return text.split()


def record(
    question: str | None,
    who: str,
    shown: Sequence[str],
    *,
    opened: Iterable[str] = (),
    judged: Iterable[tuple[str, Judged]] = (),
    seen: Sequence[str] | None = None,
    first: int = 1,
) -> AnswerRecord:
    hits = tuple(Shown(one, AssetId(one), place) for place, one in enumerate(shown, first))
    return AnswerRecord(
        query_id="q",
        at=NOW,
        principal=who,
        words=question,
        words_key=question or "",
        shown=hits,
        total=len(hits),
        generation="1",
        seen=frozenset(shown if seen is None else seen),
        opened=tuple(Opened(one, NOW) for one in opened),
        judged=tuple(judged),
    )


def crowd(n: int, *, opened: str, question: str = "orders", shown: Sequence[str] = ("a", "b", "c")) -> list[AnswerRecord]:
    return [record(question, f"p{at}", shown, opened=[opened]) for at in range(n)]


def feature(found: FeedbackEvidence, question: str, *assets: str) -> list[float]:
    return [round(value, 6) for value in found.feature(words(question), assets).tolist()]


class TestLooks:
    """θ by place."""

    def observed(self, theta: np.ndarray, *, moving: bool, n: int = 6_000) -> list[Seen]:
        """Clicks by the model itself: good pairs stand high, and where `moving` they also stand elsewhere at times."""
        dice = random.Random(1)
        found = []
        for at in range(n):
            question = f"q{at % 100}"
            order = list(range(10))
            if moving and dice.random() < 0.5:
                dice.shuffle(order)
            for place, rank in enumerate(order, 1):
                liked = 0.9 / (rank + 1)
                clicked = dice.random() < theta[place - 1] * liked
                found.append(Seen(question, f"t{rank}", place, clicked))
        return found

    def test_the_curve_that_made_the_clicks_is_found(self) -> None:
        theta = np.arange(1, 11) ** -1.2
        found = looks(self.observed(theta, moving=True)).theta[:10]
        assert np.abs(found - np.maximum(theta, LEAST)).max() < 0.06

    def test_a_good_ranking_is_not_taken_for_bias(self) -> None:
        """Where nothing ever moves, clicks fall off with the rank because hits do: the prior stays."""
        found = looks(self.observed(np.ones(10), moving=False)).theta
        assert np.allclose(found, prior().theta, atol=1e-6)

    def test_clicks_everywhere_alike_are_looks_everywhere_alike(self) -> None:
        found = looks(self.observed(np.ones(10), moving=True)).theta[:10]
        assert found.min() > 0.9

    def test_nothing_known(self) -> None:
        assert np.allclose(looks([]).theta, prior().theta)
        assert prior().at(1) == 1.0
        assert prior().at(10_000) == prior().at(DEPTH) >= LEAST

    def test_never_rising_and_clipped(self) -> None:
        """Also from clicks that only fell on the last place."""
        found = looks([Seen("q", "t", place, place == 40) for place in range(1, 41) for _ in range(500)]).theta
        assert np.all(np.diff(found) <= 1e-12)
        assert found.min() >= LEAST


class TestEvidence:
    """Values of a table for a question."""

    def test_what_many_opened_gains(self) -> None:
        a, b, c = feature(learn(crowd(20, opened="b"), words), "orders", "a", "b", "c")
        assert (a, c) == (0.0, 0.0)  # what was passed over for one question is not held against a table in the next
        assert 0 < b <= 1

    def test_it_is_about_questions_in_nearly_the_same_words(self) -> None:
        log = crowd(20, opened="b", question="open orders") + crowd(20, opened="c", question="new bills")
        found = learn(log, words)
        assert feature(found, "bills", "b") == [0.0]
        same, most = feature(found, "orders open", "b"), feature(found, "orders open late", "b")
        assert same > most > [0.0]

    def test_a_word_of_many_questions_alone_lifts_nothing(self) -> None:
        """Nobody asked about ships: that everybody counts something says nothing of them."""
        log = [one for n in range(40) for one in crowd(4, opened="b", question=f"count w{n}")]
        found = learn(log, words)
        assert feature(found, "count ships", "b") == [0.0]
        assert feature(found, "count w7", "b") > [0.0]

    def test_one_person_moves_nothing(self) -> None:
        """A thousand clicks, for one question or for a thousand: every value is what it was."""
        honest = crowd(6, opened="a") + crowd(6, opened="c", question="bills")
        attack = [record("orders", "eve", ["a", "b", "c"], opened=["b"]) for _ in range(1_000)]
        attack += [record(f"w{n} bills", "eve", ["b", "c"], opened=["b"]) for n in range(1_000)]
        before, after = learn(honest, words), learn([*honest, *attack], words)
        for question in ("orders", "bills", "w3 bills", "w3"):
            assert feature(after, question, "b") == [0.0]
        changes = np.abs(np.subtract(feature(after, "orders", "a", "c"), feature(before, "orders", "a", "c")))
        assert changes.max() < 0.1

    def test_alone_nobody_teaches_anything(self) -> None:
        """In a home of one person there is no evidence, by design."""
        found = learn([record("orders", "ann", ["a", "b"], opened=["b"])] * 50, words)
        assert found.questions == ()
        assert feature(found, "orders", "b") == [0.0]

    def test_one_person_agrees_with_himself_no_more_for_asking_thousands_of_questions(self) -> None:
        """Shares of one person add up to one at most, however they are rounded."""
        log = [record(f"orders {at}", "busy", ["a"], opened=["a"]) for at in range(6_300)]
        found = learn([*log, record("orders", "other", ["a"])], words)
        assert 0.999 < sum(one.opened["a"][2] for one in found.questions) <= 1.0 + 1e-9

    def test_two_who_agree_count_less_than_many(self) -> None:
        other = crowd(30, opened="a", question="bills")
        two, many = (feature(learn(crowd(n, opened="c") + other, words), "orders", "c")[0] for n in (2, 60))
        assert 0 < two < many

    def test_a_click_far_down_counts_for_more_than_one_at_the_top(self) -> None:
        shown = [f"t{n}" for n in range(20)]
        top, deep = crowd(30, opened="t0", shown=shown), crowd(30, opened="t15", shown=shown)
        found = learn([*top, *[record("bills", one.principal, shown, opened=["t15"]) for one in deep]], words)
        assert feature(found, "bills", "t15") > feature(found, "orders", "t0")

    def test_verdicts_outweigh_clicks(self) -> None:
        shown = ["a", "b"]
        bad = [record("orders", f"p{n}", shown, opened=["a"], judged=[("a", Judged.BAD)]) for n in range(10)]
        good = [record("orders", f"q{n}", shown, judged=[("b", Judged.GOOD)]) for n in range(10)]
        a, b = feature(learn([*bad, *good], words), "orders", "a", "b")
        assert b > a == 0.0

    def test_what_nobody_saw_says_nothing(self) -> None:
        """Answers to programs, and hits below the fold."""
        program = record("orders", "p", ["a", "b"])
        unseen = AnswerRecord(**{**{f: getattr(program, f) for f in program.__slots__}, "seen": None})
        assert learn([unseen] * 50, words).people == 0
        part = [record("orders", f"p{n}", ["a", "b"], seen=["a"], opened=["a"]) for n in range(20)]
        assert feature(learn(part, words), "orders", "b") == [0.0]

    def test_questions_that_were_not_kept_in_words_say_nothing(self) -> None:
        assert learn([record(None, f"p{n}", ["a"], opened=["a"]) for n in range(9)], words).questions == ()

    def test_a_question_s_feature_reads_no_table_but_the_candidates(self) -> None:
        """What a scope hides is no candidate: without its evidence every other table's feature is what it was."""
        told = learn([*crowd(10, opened="b"), *crowd(9, opened="a")], words)
        questions = tuple(
            replace(one, opened={asset: found for asset, found in one.opened.items() if asset != "b"})
            for one in told.questions
        )
        without = replace(told, questions=questions)
        assert feature(without, "orders", "a", "c") == feature(told, "orders", "a", "c") != [0.0, 0.0]

    @pytest.mark.parametrize("question", ["", "   "])
    def test_a_question_without_words(self, question: str) -> None:
        found = learn(crowd(5, opened="b"), words)
        assert feature(found, question, "a", "b") == [0.0, 0.0]

    def test_no_log_at_all(self) -> None:
        found = learn([], words)
        assert (found.questions, found.people) == ((), 0)
        assert feature(found, "orders", "a") == [0.0]


class TestFile:
    """Evidence as a file."""

    def test_written_and_read_back_without_people(self, tmp_path) -> None:
        log = [record("open orders", f"secret-{n}", ["a", "b"], opened=["b"]) for n in range(9)]
        log.append(record("orders of agnes", "secret-9", ["a", "b"], opened=["b"]))
        found = learn(log, words)
        write(tmp_path / "e.json", found)
        text = (tmp_path / "e.json").read_text()
        # nobody's name, and no word that only one person ever typed
        assert not [word for word in ("secret", "agnes") if word in text]
        again = read(tmp_path / "e.json")
        assert (again.questions, again.people) == (found.questions, 10)
        assert feature(again, "open orders", "b") == feature(found, "open orders", "b") != [0.0]
        assert np.allclose(again.looks.theta, found.looks.theta, atol=1e-4)

    @pytest.mark.parametrize(
        "text", ["", "{", "[]", "{}", '{"format": 9, "people": 1, "looks": [], "questions": []}', '{"values": 3}']
    )
    def test_other_files_are_refused(self, tmp_path, text: str) -> None:
        (tmp_path / "e.json").write_text(text)
        with pytest.raises(BadRequest):
            read(tmp_path / "e.json")
