"""What `headwater eval` computes: figures against cases worked out by hand, and the control that keeps no gold."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors import BadRequest
from services.evaluation.judgements import Judgement, read_judgements, shuffled
from services.evaluation.measures import Answered, Row, figures, fits


def judged(*gold: str, kind: str = "all", question: str = "q") -> Judgement:
    return Judgement(question, tuple(tuple(name.split(".")) for name in gold), None, kind)


def answered(judgement: Judgement, *found: str, answerable: float = 0.5) -> Answered:
    return Answered(judgement, tuple(tuple(name.split(".")) for name in found), answerable)


class TestFits:
    """Whether a found table is the judged one."""

    @pytest.mark.parametrize(
        ("gold", "name"),
        [
            (("shop", "public", "orders"), ("shop", "public", "orders")),
            (("shop", "orders"), ("shop", "public", "orders")),  # the judgement leaves the schema out
            (("shop", "orders"), ("shop", "orders")),
            (("shop", "orders"), ("shop", "a", "b", "orders")),
            (("shop", "public", "v1", "orders"), ("shop", "public", "v1.orders")),  # a table's name with a dot in it
        ],
    )
    def test_the_same_table(self, gold: tuple[str, ...], name: tuple[str, ...]) -> None:
        assert fits(gold, name)

    @pytest.mark.parametrize(
        ("gold", "name"),
        [
            (("shop", "orders"), ("other", "public", "orders")),
            (("shop", "public"), ("shop", "public", "orders")),
            (("orders",), ("shop", "public", "orders")),  # a judgement names the database
            (("shop", "old", "orders"), ("shop", "public", "orders")),
            (("shop", "old", "orders"), ("shop", "orders")),
        ],
    )
    def test_another_table(self, gold: tuple[str, ...], name: tuple[str, ...]) -> None:
        assert not fits(gold, name)


class TestFigures:
    """Recall, complete recall, top-1 and MRR, macro over questions."""

    def test_by_hand(self) -> None:
        """Three questions: gold first; one of two found, third; nothing found."""
        some = [
            answered(judged("d.a"), "d.a", "d.x"),
            answered(judged("d.a", "d.b"), "d.x", "d.y", "d.b"),
            answered(judged("d.a"), "d.x"),
        ]

        all_row = figures(some, 3).by_class["all"]

        assert all_row == Row(
            n=3,
            recall=0.5,  # (1 + 1/2 + 0) / 3
            complete=0.3333,
            top_1=0.3333,
            mrr=0.4444,  # (1 + 1/3 + 0) / 3
            ndcg=0.4355,  # (1 + 1/log2(4) / (1 + 1/log2(3)) + 0) / 3
        )

    def test_only_the_first_k_count(self) -> None:
        some = [answered(judged("d.a"), "d.x", "d.a")]

        assert figures(some, 1).by_class["all"] == Row(1, 0.0, 0.0, 0.0, 0.0, 0.0)
        assert figures(some, 2).by_class["all"] == Row(1, 1.0, 1.0, 0.0, 0.5, 0.6309)

    def test_any_right_table_counts_for_the_rank(self) -> None:
        """The reciprocal rank is that of the first right one, whichever of the gold it is."""
        row = figures([answered(judged("d.a", "d.b"), "d.x", "d.b", "d.a")], 10).by_class["all"]

        assert (row.recall, row.complete, row.top_1, row.mrr) == (1.0, 1.0, 0.0, 0.5)

    def test_a_table_found_twice_is_found_once(self) -> None:
        row = figures([answered(judged("d.a", "d.b"), "d.a", "d.a")], 10).by_class["all"]

        assert row.recall == 0.5

    def test_classes_and_all(self) -> None:
        """Each class for itself, and all questions that have gold together; those without count in none."""
        some = [
            answered(judged("d.a", kind="words"), "d.a"),
            answered(judged("d.a", kind="words"), "d.x"),
            answered(judged("d.a", kind="paraphrase"), "d.a"),
            answered(judged(kind="none"), "d.a"),
        ]

        result = figures(some, 5)

        assert {name: (row.n, row.top_1) for name, row in result.by_class.items()} == {
            "paraphrase": (1, 1.0),
            "words": (2, 0.5),
            "all": (3, 0.6667),
        }
        assert result.unanswerable == 1

    def test_nothing_judged(self) -> None:
        result = figures([answered(judged(), "d.a")], 5)

        assert result.by_class == {"all": Row(0, 0.0, 0.0, 0.0, 0.0, 0.0)}
        assert result.answerable_auroc is None

    def test_plain_is_json(self) -> None:
        result = figures([answered(judged("d.a"), "d.a"), answered(judged(), answerable=0.1)], 5)
        measures = dict.fromkeys(("recall", "complete", "top_1", "mrr", "ndcg"), 1.0)

        assert json.loads(json.dumps(result.plain())) == {
            "k": 5,
            "classes": {"all": {"n": 1, **measures, "intervals": {name: [1.0, 1.0] for name in measures}}},
            "unanswerable": 1,
            "answerable_auroc": 1.0,
        }


class TestAuroc:
    """How often an answerable question's `answerable` is above an unanswerable one's."""

    @pytest.mark.parametrize(
        ("high", "low", "auroc"),
        [
            ([0.9, 0.8], [0.1, 0.2], 1.0),
            ([0.1, 0.2], [0.9, 0.8], 0.0),
            ([0.5, 0.5], [0.5, 0.5], 0.5),  # a constant tells nothing
            ([0.9, 0.5], [0.5, 0.1], 0.875),  # of four pairs three won and one tied
            ([0.3], [0.1, 0.5, 0.3], 0.5),  # won, lost, tied
        ],
    )
    def test_by_hand(self, high: list[float], low: list[float], auroc: float) -> None:
        some = [answered(judged("d.a"), answerable=score) for score in high]
        some += [answered(judged(), answerable=score) for score in low]

        assert figures(some, 5).answerable_auroc == auroc

    def test_none_without_both_kinds(self) -> None:
        assert figures([answered(judged("d.a"))], 5).answerable_auroc is None


class TestShuffle:
    """The control: every question gets gold that has nothing of its own."""

    def test_no_question_keeps_its_own(self) -> None:
        own = [judged(f"d.t{number}", question=str(number)) for number in range(60)]

        control = shuffled(own, 7)

        assert [one.question for one in control] == [one.question for one in own]
        assert all(mine.gold != theirs.gold for mine, theirs in zip(own, control, strict=True))
        assert sorted(one.gold for one in control) == sorted(one.gold for one in own)

    def test_questions_with_one_answer_in_common(self) -> None:
        """Two of four questions have the same table: neither may get the other's."""
        own = [judged("d.a"), judged("d.a", "d.b"), judged("d.c"), judged("d.e")]

        for seed in range(30):
            for mine, theirs in zip(own, shuffled(own, seed), strict=True):
                assert set(mine.gold).isdisjoint(theirs.gold)

    def test_a_seed_is_one_order(self) -> None:
        own = [judged(f"d.t{number}") for number in range(20)]

        assert shuffled(own, 3) == shuffled(own, 3)
        assert shuffled(own, 3) != shuffled(own, 4)

    def test_questions_without_gold_are_left_out(self) -> None:
        assert len(shuffled([judged("d.a"), judged("d.b"), judged()], 1)) == 2

    @pytest.mark.parametrize("own", [[judged("d.a")], [judged("d.a"), judged("d.a")]])
    def test_refused_where_it_cannot_be_a_control(self, own: list[Judgement]) -> None:
        with pytest.raises(BadRequest, match="cannot be shuffled"):
            shuffled(own, 1)

    @given(st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=24), st.integers(0, 5))
    def test_disjoint_or_refused(self, tables: list[str], seed: int) -> None:
        """Whatever is shared: a shuffle that is given holds nothing of a question's own, and every gold once."""
        own = [judged(f"d.{table}") for table in tables]
        try:
            control = shuffled(own, seed)
        except BadRequest:
            assert max(tables.count(table) for table in tables) * 2 > len(tables)  # one gold has no place to go
            return
        assert all(mine.gold != theirs.gold for mine, theirs in zip(own, control, strict=True))
        assert sorted(one.gold for one in control) == sorted(one.gold for one in own)


class TestReading:
    """The file of judgements."""

    def test_fields(self, tmp_path) -> None:
        file = tmp_path / "questions.jsonl"
        lines = [
            {"question": "where?", "gold": ["Shop.Public.Orders"], "class": "words", "database": "Shop"},
            {"question": "nothing?", "gold": []},
        ]
        file.write_text("\n".join(json.dumps(line) for line in lines) + "\n\n")

        assert read_judgements(file) == [
            Judgement("where?", (("shop", "public", "orders"),), "Shop", "words"),
            Judgement("nothing?", (), None, "all"),
        ]

    def test_gzipped(self, tmp_path) -> None:
        file = tmp_path / "questions.jsonl.gz"
        file.write_bytes(gzip.compress(b'{"question": "q", "gold": ["d.t"]}\n'))

        assert read_judgements(file) == [Judgement("q", (("d", "t"),), None, "all")]

    @pytest.mark.parametrize(
        "line",
        [
            "no json",
            "[]",
            "1",
            '{"question": "q"}',
            '{"question": 1, "gold": []}',
            '{"question": "q", "gold": "d.t"}',
            '{"question": "q", "gold": [1]}',
            '{"question": "q", "gold": [], "database": 3}',
        ],
    )
    def test_a_wrong_line_is_named(self, tmp_path, line: str) -> None:
        file = tmp_path / "questions.jsonl"
        file.write_text('{"question": "q", "gold": ["d.t"]}\n' + line + "\n")

        with pytest.raises(BadRequest, match="line 2"):
            read_judgements(file)

    @pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe", None])
    def test_a_file_that_holds_none(self, tmp_path, content: bytes | None) -> None:
        file = tmp_path / "questions.jsonl"
        if content is not None:
            file.write_bytes(content)

        with pytest.raises(BadRequest):
            read_judgements(file)

    @pytest.mark.parametrize("damage", ["cut", "changed"])
    def test_damaged_gzip(self, tmp_path, damage: str) -> None:
        file = tmp_path / "questions.jsonl.gz"
        packed = gzip.compress(b'{"question": "q", "gold": []}\n' * 50)
        file.write_bytes(packed[:40] if damage == "cut" else packed[:14] + b"\xff\xff\xff\xff" + packed[18:])

        with pytest.raises(BadRequest, match="cannot be read"):
            read_judgements(file)
