"""What people's clicks say of a table for a question: the feature that training may weigh. Step two of learning from feedback.

A table gains where people opened it for questions in nearly the same words: clicks over expected looks (Zhang & Jones, WWW
2007) summed over those questions, each weighed by how alike it is, shrunk towards what is usual, and nothing at all before several
people agree. Evidence by single words did harm: words that many questions share lifted tables for what nobody had asked. Values
are of one table alone: what happened to another one, a hidden one for instance, is not in them, but for the curve of looks, the
usual rate and the rarity of words, which are parameters of the whole log like a model's weights.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.common.errors import BadRequest
from services.common.model.feedback import AnswerRecord, Judged
from services.indexer.learn.propensity import DEPTH, LEAST, Looks, Seen, looks

SHRINK = 2.0
"""Looks that what is usual is worth: two people who agree move a table by less than fifty would."""
GREATEST = 8.0
"""A table that is opened so many times as often as usual has all of the evidence that there is: the value 1."""
ALIKE = 0.2
"""Questions whose words have a cosine up to this have nothing to do with each other; beyond, it counts by its square."""
MOST_OF_ONE = 4.0
"""The clicks of one person for one table, over all questions, count as so many at most."""
AGREED = 2.0
"""What two people who opened a table for the same question agree; one person's agreement with himself, over all questions, adds up
to 1, so that whatever is above 1 took two."""
MOST_OF_MEDIAN = 4
"""One person's share in the curve of looks, against the median person's."""
MAX_WORDS = 16
_FORMAT = 2
Words = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Told:
    """A question that people asked, with what they opened.

    Attributes:
        words: its stemmed content words that at least two people used, in alphabetical order; others are kept as `unsaid`.
        unsaid: how many words only one person ever used.
        opened: asset id → clicks, expected looks, and how far people agree, see `AGREED`.

    """

    words: tuple[str, ...]
    unsaid: int
    opened: Mapping[str, tuple[float, float, float]]


@dataclass(frozen=True)
class FeedbackEvidence:
    """Evidence as values.

    Attributes:
        questions: those for which anything was opened.
        asked: how many different questions there were, and of how many each word was in.
        said: word → in how many different questions it was.
        usual: the usual rate of clicks over looks.
        looks: the curve that was used.
        people: how many have contributed.

    """

    questions: tuple[Told, ...]
    asked: int
    said: Mapping[str, int]
    usual: float
    looks: Looks
    people: int

    def feature(self, words: Iterable[str], assets: Sequence[str]) -> NDArray[np.float64]:
        """The evidence for a question, float64 (len(assets),), each 0 to 1; 0 where there is none.

        Args:
            words: the question's stemmed content words.
            assets: ids of the candidates, all inside the view: nothing else is looked at.

        """
        clicks, expected, agreed = (dict.fromkeys(assets, 0.0) for _ in range(3))
        for question, alike in self._alike(frozenset(words)):
            for asset, (clicked, looked, agreeing) in question.opened.items():
                if asset in clicks:
                    clicks[asset] += alike * clicked
                    expected[asset] += alike * looked
                    agreed[asset] += agreeing
        found = np.zeros(len(assets))
        for at, asset in enumerate(assets):
            if agreed[asset] > 1.0 + 1e-3:
                rate = (clicks[asset] + SHRINK * self.usual) / (expected[asset] + SHRINK)
                found[at] = min(1.0, max(0.0, math.log(rate / self.usual) / math.log(GREATEST)))
        return found

    def _alike(self, words: frozenset[str]) -> Iterable[tuple[Told, float]]:
        """The questions that share words with a question, with what each counts, above 0."""
        own = sum(self._weight(word) ** 2 for word in words)
        for at in sorted({at for word in words for at in self._having.get(word, ())}):
            question = self.questions[at]
            shared = sum(self._weight(word) ** 2 for word in question.words if word in words)
            cosine = shared / math.sqrt(own * self._lengths[at])
            if cosine > ALIKE:
                yield question, ((cosine - ALIKE) / (1.0 - ALIKE)) ** 2

    def _weight(self, word: str) -> float:
        """The rarer in what people ask, the more a word says; one that nobody used says the most."""
        return math.log((self.asked + 1.0) / (self.said.get(word, 0) + 0.5))

    @cached_property
    def _lengths(self) -> list[float]:
        rarest = self._weight("") ** 2
        return [sum(self._weight(word) ** 2 for word in one.words) + one.unsaid * rarest for one in self.questions]

    @cached_property
    def _having(self) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for at, question in enumerate(self.questions):
            for word in question.words:
                found[word].append(at)
        return found


def learn(records: Iterable[AnswerRecord], words: Words) -> FeedbackEvidence:
    """Evidence from a log of answers.

    Args:
        records: answers with what came of them; those that nobody is known to have seen say nothing.
        words: a question's stemmed content words, as search takes them. Answers whose words were not kept say nothing.

    """
    kept = [record for record in records if record.words and (record.seen is not None or record.opened)]
    curve = looks(_observations(kept))
    asked: dict[tuple[str, ...], set[str]] = defaultdict(set)
    people: dict[tuple[tuple[str, ...], str, str], _Person] = defaultdict(_Person)
    for record in kept:
        terms = tuple(sorted(set(list(dict.fromkeys(words(record.words or "")))[:MAX_WORDS])))
        asked[terms].add(record.principal)
        for asset, (place, opened, judged) in _outcomes(record).items():
            people[terms, asset, record.principal].add(curve.at(place), opened=opened, judged=judged)
    users: dict[str, set[str]] = defaultdict(set)
    for terms, askers in asked.items():
        for word in terms:
            users[word] |= askers
    common = {word for word, askers in users.items() if len(askers) > 1}
    said = Counter(word for terms in asked for word in terms if word in common)
    opened_by = Counter((asset, who) for (_, asset, who), one in people.items() if one.counted()[0])
    sums: dict[tuple[str, ...], dict[str, _Sum]] = defaultdict(lambda: defaultdict(_Sum))
    for (terms, asset, who), one in people.items():
        sums[terms][asset].add(*one.counted(), opened_by[asset, who])
    questions = [
        Told(
            tuple(word for word in terms if word in common),
            sum(word not in common for word in terms),
            {asset: one.rounded() for asset, one in sorted(tables.items()) if one.clicks},
        )
        for terms, tables in sorted(sums.items())
    ]
    return FeedbackEvidence(
        questions=tuple(one for one in questions if one.words and one.opened),
        asked=len(asked),
        said=dict(sorted(said.items())),
        usual=_usual(people),
        looks=curve,
        people=len({record.principal for record in kept}),
    )


def write(path: Path, evidence: FeedbackEvidence) -> None:
    """Write evidence as one JSON document: words, asset ids and values, and of people their number alone."""
    body = {
        "format": _FORMAT,
        "people": evidence.people,
        "asked": evidence.asked,
        "usual": evidence.usual,
        "looks": [round(value, 4) for value in evidence.looks.theta.tolist()],
        "said": evidence.said,
        "questions": [[one.words, one.unsaid, one.opened] for one in evidence.questions],
    }
    path.write_text(json.dumps(body, ensure_ascii=True, separators=(",", ":")), encoding="ascii")


def read(path: Path) -> FeedbackEvidence:
    """Evidence that `write` wrote.

    Raises:
        BadRequest: the file is none.

    """
    try:
        raw = json.loads(path.read_text(encoding="ascii"))
        known = raw["format"] == _FORMAT
        found = FeedbackEvidence(
            questions=tuple(
                Told(tuple(map(str, words)), int(unsaid), {str(a): _three(found) for a, found in opened.items()})
                for words, unsaid, opened in raw["questions"]
            ),
            asked=int(raw["asked"]),
            said={str(word): int(n) for word, n in raw["said"].items()},
            usual=float(raw["usual"]),
            looks=Looks(np.asarray(raw["looks"], dtype=np.float64)),
            people=int(raw["people"]),
        )
        known = known and found.looks.theta.shape == (DEPTH,) and found.usual > 0
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise BadRequest(f"{path} holds no evidence of `headwater feedback export`") from error
    if not known:
        raise BadRequest(f"{path} was written by another version")
    return found


@dataclass
class _Person:
    """What one person did with one table for one question."""

    looks: float = 0.0
    clicks: float = 0.0
    verdict: Judged | None = None

    def add(self, look: float, *, opened: bool, judged: Judged | None) -> None:
        self.looks += look
        self.clicks += opened
        self.verdict = judged or self.verdict

    def counted(self) -> tuple[float, float]:
        """Clicks and looks of one person, each one at most, however often it was asked."""
        if self.verdict is Judged.BAD:
            return 0.0, 1.0
        if self.verdict is Judged.GOOD:
            return 1.0, max(LEAST, min(1.0, self.looks))
        once = min(1.0, 1.0 / self.looks) if self.looks else 0.0
        return min(1.0, self.clicks * once), min(1.0, self.looks)


@dataclass
class _Sum:
    """What people did with one table for one question."""

    clicks: float = 0.0
    looks: float = 0.0
    share: float = 0.0
    openers: int = 0

    def add(self, clicks: float, exposure: float, questions: int) -> None:
        """Add one person, who opened the table for so many questions."""
        part = min(1.0, MOST_OF_ONE / max(questions, 1))
        self.clicks += part * clicks
        self.looks += part * exposure
        if clicks:
            self.share += 1.0 / questions
            self.openers += 1

    def rounded(self) -> tuple[float, float, float]:
        """Clicks, looks, agreement."""
        # downwards, or one person's many questions would add up to more than that person
        share = math.floor(self.share * 1e9) / 1e9
        return round(self.clicks, 4), round(self.looks, 4), AGREED if self.openers > 1 else share


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    clicks, exposure, agreement = values
    return float(clicks), float(exposure), float(agreement)


def _usual(people: Mapping[tuple[tuple[str, ...], str, str], _Person]) -> float:
    """The usual rate of clicks over looks; whoever did more than the median person counts as one who did as much."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for (_, _, name), person in people.items():
        clicks, exposure = person.counted()
        sums[name][0] += clicks
        sums[name][1] += exposure
    if not sums:
        return LEAST
    middle = statistics.median(exposure for _, exposure in sums.values())
    shares = [min(1.0, middle / exposure) for _, exposure in sums.values()]
    clicks = sum(share * clicks for share, (clicks, _) in zip(shares, sums.values(), strict=True))
    exposure = sum(share * exposure for share, (_, exposure) in zip(shares, sums.values(), strict=True))
    # one click in twenty looks is what is assumed before anybody has looked
    return (clicks + 1) / (exposure + 20)


def _outcomes(record: AnswerRecord) -> dict[str, tuple[int, bool, Judged | None]]:
    """Asset → its best place, whether it was opened, what was said of it; a column speaks for its table."""
    opened = {one.id for one in record.opened}
    judged = dict(record.judged)
    found: dict[str, tuple[int, bool, Judged | None]] = {}
    for hit in record.shown:
        if record.seen is not None and hit.id not in record.seen and hit.id not in opened:
            continue
        place, was_opened, said = found.get(hit.asset, (hit.position, False, None))
        found[hit.asset] = (min(place, hit.position), was_opened or hit.id in opened, judged.get(hit.id) or said)
    return found


def _observations(records: Iterable[AnswerRecord]) -> list[Seen]:
    """One a person, question, table and place, and not many times more of one person than of the median one."""
    clicked: dict[tuple[str, str, str, int], bool] = {}
    for record in records:
        for asset, (place, opened, _) in _outcomes(record).items():
            key = (record.principal, record.words_key, asset, place)
            clicked[key] = clicked.get(key, False) or opened
    by_person: dict[str, list[Seen]] = defaultdict(list)
    for (name, question, asset, place), was in clicked.items():
        by_person[name].append(Seen(question, asset, place, was))
    most = MOST_OF_MEDIAN * max(statistics.median(map(len, by_person.values())), DEPTH) if by_person else 0
    return [one for of_person in by_person.values() for one in of_person[: int(most)]]
