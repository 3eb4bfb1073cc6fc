"""Paired comparison, classes of questions and kept runs: when one ranking may replace another, and when it may not."""

from __future__ import annotations

import datetime as dt
import json
import random

import numpy as np
import pytest

from services.common.errors import BadRequest
from services.evaluation import runs
from services.evaluation.classes import Classifier, Named
from services.evaluation.judgements import Judgement
from services.evaluation.measures import MEASURES, Answered, Scored, bootstrap, interval, question_id, scored
from services.evaluation.paired import FEWEST, better, compare, may_switch
from services.evaluation.runs import Run
from services.indexer.text.tokens import content_words

TABLES = [
    Named(("shop", "sales", "orders"), ("id", "customer_id", "placed_at")),
    Named(("shop", "sales", "cust_addr"), ("street", "city")),
    Named(("shop", "hr", "salaries"), ("employee", "amount")),
]


def asked(question: str, *gold: str) -> Judgement:
    return Judgement(question, tuple(tuple(name.split(".")) for name in gold), None, "all")


class TestPaired:
    """The test must find what is there, and nothing where nothing is."""

    def test_a_gain_beyond_chance(self) -> None:
        verdict = better([0.0] * 40, [1.0] * 12 + [0.0] * 28)
        assert (verdict.better, verdict.worse, verdict.n) == (True, False, 40)
        assert verdict.low > 0
        assert verdict.difference == pytest.approx(0.3)

    def test_a_loss_beyond_chance(self) -> None:
        verdict = better([1.0] * 12 + [0.0] * 28, [0.0] * 40)
        assert (verdict.better, verdict.worse) == (False, True)

    def test_as_much_won_as_lost_is_no_difference(self) -> None:
        before = [1.0, 0.0] * 50
        verdict = better(before, before[::-1])
        assert (verdict.better, verdict.worse, verdict.difference) == (False, False, 0.0)
        assert verdict.p > 0.9

    def test_equal_is_never_better(self) -> None:
        verdict = better([0.5] * 100, [0.5] * 100)
        assert (verdict.p, verdict.better, verdict.worse) == (1.0, False, False)

    def test_few_questions_are_an_anecdote(self) -> None:
        n = FEWEST - 1
        assert not better([0.0] * n, [1.0] * n).better
        assert better([0.0] * FEWEST, [1.0] * FEWEST).better

    def test_chance_is_called_better_about_as_often_as_it_says(self) -> None:
        """Of 200 pairs of equally good rankings, 2.5 % on average are called better; 7 % or more would be a broken test."""
        dice = random.Random(5)
        called = sum(better(*[[dice.random() for _ in range(40)] for _ in range(2)]).better for _ in range(200))
        assert called <= 13

    @pytest.mark.parametrize(("before", "after"), [([], []), ([1.0], [1.0, 0.0])])
    def test_the_same_questions_or_none(self, before: list[float], after: list[float]) -> None:
        with pytest.raises(ValueError, match="same questions"):
            better(before, after)

    def test_the_interval_holds_the_mean_and_narrows(self) -> None:
        few, many = (interval(bootstrap(np.asarray([[0.0], [1.0]] * n))[:, 0]) for n in (20, 500))
        assert few[0] < many[0] < 0.5 < many[1] < few[1]


class TestSwitch:
    """Better in nDCG and worse in nothing, on questions that both answered."""

    def both(self, **after: float) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
        old = {str(n): dict.fromkeys(MEASURES, 0.5) for n in range(60)}
        return old, {n: {**values, **after} for n, values in old.items()}

    def test_better(self) -> None:
        assert may_switch(compare(*self.both(ndcg=0.6)))

    def test_not_for_another_measure_alone(self) -> None:
        assert not may_switch(compare(*self.both(recall=0.9)))

    def test_not_where_something_is_lost(self) -> None:
        assert not may_switch(compare(*self.both(ndcg=0.6, complete=0.4)))

    def test_not_on_nothing(self) -> None:
        old, new = self.both(ndcg=0.9)
        assert not may_switch(compare(old, {f"other {n}": values for n, values in new.items()}))


class TestClasses:
    """Each rule, and the order in which they are tried."""

    @pytest.mark.parametrize(
        ("question", "gold", "kind"),
        [
            ("shop.sales.orders", "shop.sales.orders", "exact_name"),
            ('SHOP."sales".orders', "shop.sales.orders", "exact_name"),
            ("sales.orders", "shop.sales.orders", "partial_name"),
            ("orders.placed_at", "shop.sales.orders", "partial_name"),
            ("cust_a", "shop.sales.cust_addr", "partial_name"),
            ("ordrs", "shop.sales.orders", "typo"),
            ("oredrs", "shop.sales.orders", "typo"),
            ("sales.orderz", "shop.sales.orders", "typo"),
            ("customer address", "shop.sales.cust_addr", "abbreviation"),
            ("where do our buyers live, and since when?", "shop.sales.cust_addr", "synonym"),
            ("wages of staff", "shop.hr.salaries", "synonym"),
            ("what is the amount that staff get?", "shop.hr.salaries", "question"),
            ("when were orders placed?", "shop.sales.orders", "question"),
            ("", "shop.sales.orders", "question"),
            ("wages of staff", "shop.hr.unknown", "question"),
        ],
    )
    def test_rules(self, question: str, gold: str, kind: str) -> None:
        assert Classifier(TABLES, content_words).kind(asked(question, gold)) == kind

    def test_a_class_that_the_file_names_stays(self) -> None:
        named = Judgement("sales.orders", (("shop", "sales", "orders"),), None, "mine")
        assert [one.kind for one in Classifier(TABLES, content_words).classified([named])] == ["mine"]


def run_of(at: int, *questions: Scored, control: int | None = None, k: int = 10) -> Run:
    when = dt.datetime(2031, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=at)
    return Run(when, "q.jsonl", k, "1.0", "hand", None, control, questions)


def one(name: str, value: float = 1.0) -> Scored:
    return Scored(name, "all", dict.fromkeys(MEASURES, value), 0.5)


class TestRuns:
    """What is kept is found again, and nothing of what was asked is in it."""

    def test_kept_and_read_back(self, tmp_path) -> None:
        made = run_of(1, one("a"), Scored("b", "x", None, 0.25))
        runs.keep(tmp_path, made)
        assert runs.kept(tmp_path) == [made]

    def test_questions_are_not_kept_in_words(self, tmp_path) -> None:
        judgement = asked("who earns the most zebra", "shop.hr.salaries")
        runs.keep(tmp_path, run_of(1, scored(Answered(judgement, (), 0.0), 10)))
        (path,) = (tmp_path / "eval").iterdir()
        assert "zebra" not in path.read_text()
        assert question_id(judgement) in path.read_text()

    def test_the_previous_run_is_of_the_same_questions(self) -> None:
        known = [run_of(1, one("a"), one("b")), run_of(2, one("a")), run_of(3, one("b"), one("a"), control=1)]
        now = run_of(9, one("b"), one("a"))
        assert runs.previous(known, now) == known[0]
        assert runs.previous([*known, now], now) == known[0]
        assert runs.previous(known, run_of(9, one("a"), one("b"), k=5)) is None
        assert runs.previous([], now) is None

    def test_a_run_is_named_by_the_beginning_of_its_id(self, tmp_path) -> None:
        known = [run_of(1, one("a")), run_of(30, one("a"))]
        assert runs.named(known, "20310102") == known[1]
        assert runs.named(known, "last") == known[1]
        for wrong in ("2031", "1999"):
            with pytest.raises(BadRequest, match="--runs"):
                runs.named(known, wrong)
        runs.keep(tmp_path, known[0])
        (path,) = (tmp_path / "eval").iterdir()
        assert runs.named([], str(path)) == known[0]

    def test_damaged_files_are_left_out(self, tmp_path) -> None:
        runs.keep(tmp_path, run_of(1, one("a")))
        for name, text in {"1": "{", "2": "[]", "3": json.dumps({"format": 99}), "4": '{"format": 1, "at": 3}'}.items():
            (tmp_path / "eval" / f"{name}.json").write_text(text)
        assert len(runs.kept(tmp_path)) == 1
        with pytest.raises(BadRequest, match="holds no run"):
            runs.named([], str(tmp_path / "eval" / "1.json"))

    def test_what_was_trained_on_does_not_count(self) -> None:
        before = run_of(1, *(one(str(n), 0.2) for n in range(80)))
        after = run_of(2, *(one(str(n), 0.2 if n < 40 else 0.9) for n in range(80)))
        assert may_switch(after.against(before))
        assert not may_switch(after.against(before, without=[str(n) for n in range(40, 80)]))

    def test_the_oldest_make_room(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setattr(runs, "KEPT", 2)
        for hour in range(4):
            runs.keep(tmp_path, run_of(hour, one("a")))
        assert [run.at.hour for run in runs.kept(tmp_path)] == [2, 3]
