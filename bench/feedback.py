"""Whether a ranking learns from simulated people: click models that the learner does not assume, an adversary, and controls.

Run: `make bench ARGS="feedback DATA"`. People ask a part of the questions, see Headwater's own answers inside their scopes, and click. The
evidence of their clicks gets a weight that is chosen on questions of a second part, and only if the rule for a switch says better
there; what is reported is a third part: questions that nobody asked, and questions about databases that nobody asked about.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.clicks import DISAPPOINTS, GOLD, MODELS, OTHER, SATISFIES, ClickModel
from bench.halves import half_of
from bench.relevance import all_changes, indexed
from bench.report import machine, print_table
from services.catalog.search import find
from services.common.model.access import FULL_SCOPE
from services.common.model.feedback import AnswerRecord, Opened, Shown
from services.common.model.search import SearchQuery
from services.common.runtime import logs
from services.compose import Workspace
from services.evaluation.judgements import Judgement, read_judgements
from services.evaluation.measures import MAIN, MEASURES, Answered, scored
from services.evaluation.paired import Verdict, compare, may_switch
from services.indexer.learn.evidence import FeedbackEvidence, learn
from services.indexer.text.document import document_of
from services.indexer.text.tokens import content_words

K, SHOWN = 10, 20
PEOPLE, SESSIONS, ADVERSARY_CLICKS = 200, 8_000, 1_000
WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""What is tried for the evidence; 0 is the ranking as it is."""
MOST_LOST = 0.001
"""What a weight may cost the questions that nobody asks in nDCG, where it is chosen: beyond chance it may cost nothing."""
HIDDEN_SHARE = 0.3
"""Of the databases, for half of the people: the same table then stands in different places for the same question."""
REPORTED = 1
"""The half of the databases that is asked about: what the learner's constants were chosen on are questions about the other half."""
NOW = dt.datetime(2031, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Asked:
    """A judged question with Headwater's answer: ids, names and scores, best first."""

    judgement: Judgement
    ids: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]
    scores: NDArray[np.float64]
    words: Mapping[str, float]

    @property
    def gold(self) -> frozenset[str]:
        """Ids of the hits that are gold."""
        wanted = {".".join(name) for name in self.judgement.gold}
        return frozenset(i for i, name in zip(self.ids, self.names, strict=True) if ".".join(name) in wanted)

    @property
    def databases(self) -> frozenset[str]:
        """The databases that it is about."""
        return frozenset(gold[0] for gold in self.judgement.gold)


@dataclass(frozen=True)
class Parts:
    """The questions in their parts: asked by people, to choose the weight, held out, and of databases without traffic."""

    traffic: list[Asked]
    chosen_on: list[Asked]
    held_out: list[Asked]
    rare: list[Asked]
    chosen_on_rare: list[Asked]


Feature = Callable[[Asked], NDArray[np.float64]]


def main() -> None:
    """Print one table: learners by click model, and the controls."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("bench/out/feedback"))
    parser.add_argument("--questions", type=int, default=2_000)
    arguments = parser.parse_args()
    begun = time.monotonic()
    space, _ = indexed(arguments.data / "retrieval" / "spider_union.tables.jsonl.gz", arguments.out / "home", None)
    judgements = read_judgements(arguments.data / "retrieval" / "spider_train.questions.jsonl.gz")
    judgements = [one for one in judgements if half_of(one.database or one.gold[0][0]) == REPORTED]
    every = answered(space, random.Random(1).sample(judgements, min(arguments.questions, len(judgements))))
    space.close()
    parts = split(every)
    sizes = [len(part) for part in vars(parts).values()]
    print(
        f"asked, to choose, held out, rare, rare to choose: {sizes}; {time.monotonic() - begun:.0f} s",
        file=sys.stderr,
        flush=True,
    )
    rows: list[list[object]] = []
    for name, model in MODELS.items():
        for row in learned(name, model, parts):
            rows.append(row)
            print(row, file=sys.stderr, flush=True)
    head = ["click model", "learner", "weight", "held out: nDCG@10 before", "after", "p", "rare: before", "after", "p"]
    print_table(head, rows)
    print(machine(["numpy", "onnxruntime"]))


def answered(space: Workspace, judgements: Sequence[Judgement]) -> list[Asked]:
    """Every question with what Headwater answers, words weighed by their rarity in the pool."""
    documents = [document_of(change.asset) for change in all_changes(space) if change.asset is not None]
    counts = Counter(word for d in documents for word in {*d.name, *d.description, *d.column_words})
    found = []
    for judgement in judgements:
        query = SearchQuery(judgement.question, FULL_SCOPE, limit=SHOWN)
        hits = find(query, space.indexer.retriever, space.reader).hits
        words = {word: math.log(len(documents) / (1 + counts[word])) + 1 for word in content_words(judgement.question)}
        names = tuple(tuple(part.lower() for part in hit.asset.name.parts) for hit in hits)
        scores = np.asarray([hit.hit.score for hit in hits])
        found.append(Asked(judgement, tuple(hit.asset.id for hit in hits), names, scores, words))
    return found


def split(every: Sequence[Asked]) -> Parts:
    """A third of the databases has no traffic, half of them to choose; of the others' questions 60 % are asked, 20 % choose."""
    dice = random.Random(2)
    databases = sorted({name for one in every for name in one.databases})
    quiet = dice.sample(databases, len(databases) // 3)
    rare, choosing = set(quiet[::2]), set(quiet[1::2])
    common = [one for one in every if not one.databases & (rare | choosing)]
    dice.shuffle(common)
    a, b = len(common) * 6 // 10, len(common) * 8 // 10
    left, also = ([one for one in every if one.databases & some] for some in (rare, choosing))
    return Parts(common[:a], common[a:b], common[b:], left, also)


def learned(name: str, model: ClickModel, parts: Parts):
    """Rows of the table for one click model."""
    log = sessions(parts.traffic, model)
    attacked = [*log, *adversary(parts.traffic)]
    mixed = shuffled_clicks(log)
    yield [name, "**evidence**", *outcome(evidence_of(log), parts)]
    yield [name, "**evidence**, one person clicks one table 1,000 times", *outcome(evidence_of(attacked), parts)]
    yield [name, "naive: clicks are counted", *outcome(counted(log), parts)]
    yield [name, "naive, one person clicks one table 1,000 times", *outcome(counted(attacked), parts)]
    yield [name, "control: clicks of other questions", *outcome(evidence_of(mixed), parts)]
    yield [name, "control: the same at the weight of the evidence", *outcome(evidence_of(mixed), parts, evidence_of(log))]


def sessions(traffic: Sequence[Asked], model: ClickModel) -> list[AnswerRecord]:
    """What people saw and clicked: questions and people by Zipf's law, half of the people with a narrower scope."""
    dice = random.Random(3)
    databases = sorted({name[0] for one in traffic for name in one.names})
    hidden = [set(dice.sample(databases, int(len(databases) * HIDDEN_SHARE))) if n % 2 else set() for n in range(PEOPLE)]
    by_rank = [1 / (rank + 5) for rank in range(len(traffic))]
    asked = dice.choices(traffic, by_rank, k=SESSIONS)
    people = dice.choices(range(PEOPLE), [1 / (rank + 3) for rank in range(PEOPLE)], k=SESSIONS)
    records = []
    for number, (one, person) in enumerate(zip(asked, people, strict=True)):
        kept = [i for i, name in zip(one.ids, one.names, strict=True) if name[0] not in hidden[person]]
        if kept:
            gold = one.gold
            clicks = model(
                [GOLD if i in gold else OTHER for i in kept], [SATISFIES if i in gold else DISAPPOINTS for i in kept], dice
            )
            records.append(record(f"s{number}", f"person {person}", one, kept, clicks))
    return records


def record(query: str, who: str, one: Asked, kept: Sequence[str], clicks: Sequence[int]) -> AnswerRecord:
    """An answer as the log holds it."""
    return AnswerRecord(
        query_id=query,
        at=NOW,
        principal=who,
        words=one.judgement.question.lower(),
        words_key=one.judgement.question,
        shown=tuple(Shown(i, i, place) for place, i in enumerate(kept, 1)),
        total=len(kept),
        generation="1.1",
        seen=frozenset(kept),
        opened=tuple(Opened(kept[at], NOW) for at in clicks),
        judged=(),
    )


def adversary(traffic: Sequence[Asked]) -> list[AnswerRecord]:
    """One person who asks what he likes, and opens the one table that is shown most often and seldom right."""
    shown = Counter(i for one in traffic for i in one.ids)
    right = Counter(i for one in traffic for i in one.gold)
    target = max(shown, key=lambda i: (shown[i] - 10 * right[i], i))
    with_it = [one for one in traffic if target in one.ids]
    chosen = random.Random(4).choices(with_it, k=ADVERSARY_CLICKS)
    return [record(f"a{n}", "adversary", one, one.ids, [one.ids.index(target)]) for n, one in enumerate(chosen)]


def shuffled_clicks(log: Sequence[AnswerRecord]) -> list[AnswerRecord]:
    """Every answer with the clicked places of another: what is left are habits of looking, nothing of what is right."""
    places = [[[hit.id for hit in one.shown].index(click.id) for click in one.opened] for one in log]
    random.Random(5).shuffle(places)
    return [
        replace(one, opened=tuple(Opened(one.shown[at].id, NOW) for at in clicked if at < len(one.shown)))
        for one, clicked in zip(log, places, strict=True)
    ]


def evidence_of(log: Sequence[AnswerRecord]) -> Feature:
    """The feature that ships."""
    evidence: FeedbackEvidence = learn(log, content_words)
    return lambda one: evidence.feature(one.words, one.ids)


def counted(log: Sequence[AnswerRecord]) -> Feature:
    """The feature that comes to mind first: clicks by word and table, whoever made them, wherever they stood."""
    clicks: Counter[tuple[str, str]] = Counter()
    for one in log:
        words = content_words(one.words or "")
        clicks.update((word, opened.id) for word in words for opened in one.opened)
    most = math.log(1 + max(clicks.values(), default=1))

    def feature(one: Asked) -> NDArray[np.float64]:
        total = sum(one.words.values()) or 1.0
        return np.asarray(
            [sum(w * math.log(1 + clicks[word, i]) for word, w in one.words.items()) / total / most for i in one.ids]
        )

    return feature


def outcome(feature: Feature, parts: Parts, weight_of: Feature | None = None) -> list[object]:
    """The weight that was chosen, and nDCG before and after on both parts that nobody clicked in.

    Args:
        feature: the evidence.
        parts: the questions.
        weight_of: the evidence that the weight is chosen for; `feature` itself unless given.

    """
    weight = chosen_weight(weight_of or feature, parts)
    told: list[object] = [weight]
    for part in (parts.held_out, parts.rare):
        verdict = judged(part, feature, weight)[MAIN]
        told += [verdict.before, verdict.after, f"{verdict.p:.4f}" if verdict.before != verdict.after else "–"]
    return told


def chosen_weight(feature: Feature, parts: Parts) -> float:
    """The best weight by nDCG of those that may be switched to and that cost the questions nobody asks next to nothing; else 0."""
    allowed = []
    for weight in WEIGHTS[1:]:
        common, rare = (judged(part, feature, weight) for part in (parts.chosen_on, parts.chosen_on_rare))
        harmless = not any(verdict.worse for verdict in rare.values()) and rare[MAIN].difference >= -MOST_LOST
        if may_switch(common) and harmless:
            allowed.append((common[MAIN].after + rare[MAIN].after, weight))
    return max(allowed, default=(0.0, 0.0))[1]


def judged(questions: Sequence[Asked], feature: Feature, weight: float) -> Mapping[str, Verdict]:
    """The ranking with the weighted feature against the ranking as it is."""
    return compare(measured(questions, feature, 0.0), measured(questions, feature, weight))


def measured(questions: Sequence[Asked], feature: Feature, weight: float) -> dict[str, dict[str, float]]:
    """Every question's measures, its hits ordered anew."""
    out = {}
    for number, one in enumerate(questions):
        order = np.argsort(-(one.scores + weight * feature(one)), kind="stable") if weight else range(len(one.ids))
        found = Answered(one.judgement, tuple(one.names[at] for at in order), 0.0)
        values = scored(found, K).values or {}
        out[str(number)] = {name: values[name] for name in MEASURES}
    return out


if __name__ == "__main__":
    main()
