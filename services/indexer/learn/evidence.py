"""What many people's clicks say of a table for a word: the feature that training may weigh. Step two of learning from feedback.

For each word of a question and each table: clicks over expected looks (Zhang & Jones, WWW 2007), each person counted once,
shrunk towards what is usual, and nothing at all before several people agree. Values are of this pair alone: what happened to another table,
a hidden one for instance, is not in them, but for the curve of looks and the usual rate, which are parameters of the
whole log like a model's weights.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.common.errors import BadRequest
from services.common.model.feedback import AnswerRecord, Judged
from services.indexer.learn.propensity import DEPTH, LEAST, Looks, Seen, looks

MIN_PEOPLE = 2
"""So many must have opened a table for a word before it gains, and so many seen it and left it before it loses: no one person
moves anything, however often he clicks."""
SHRINK = 4.0
"""Looks that what is usual is worth: two people who agree move a table by a third of what fifty would."""
GREATEST = 8.0
"""A table that is opened so many times as often as usual has all of the evidence that there is: the value 1."""
MOST_OF_MEDIAN = 4
"""One person's share in the curve of looks, against the median person's."""
MAX_WORDS = 16
WHOLE = "\x1f"
"""Begins the key of a whole question, its words in order of the alphabet: evidence for exactly this question."""
_FORMAT = 1
Words = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class FeedbackEvidence:
    """Evidence as values.

    Attributes:
        values: word, or key of a whole question, → asset id → -1 to 1; pairs without evidence are absent.
        looks: the curve that was used.
        people: how many have contributed.

    """

    values: Mapping[str, Mapping[str, float]]
    looks: Looks
    people: int

    def feature(self, words: Mapping[str, float], assets: Sequence[str]) -> NDArray[np.float64]:
        """The evidence for a question, float64 (len(assets),), each 0 to 1; 0 where there is none.

        A table gains only where its evidence covers more than half of what the question's words weigh: a common word that
        people once clicked by says nothing of a question about something else.

        Args:
            words: the question's stemmed content words with their weights, such as their rarity inside the reader's view.
            assets: ids of the candidates, all inside the view: nothing else is looked at.

        """
        total = sum(words.values())
        found = np.zeros(len(assets))
        if not total:
            return found
        whole = self.values.get(whole_key(words), {}) if len(words) > 1 else {}
        parts = [(weight / total, self.values[word]) for word, weight in words.items() if word in self.values]
        for at, asset in enumerate(assets):
            gains = [(weight, known[asset]) for weight, known in parts if known.get(asset, 0.0) > 0]
            covered = sum(weight for weight, _ in gains)
            by_word = sum(weight * value for weight, value in gains) * max(0.0, 2 * covered - 1)
            found[at] = (by_word + max(0.0, whole.get(asset, 0.0))) / 2
        return found


def whole_key(words: Iterable[str]) -> str:
    """The key of a question as a whole, whatever the order of its words."""
    return WHOLE + " ".join(sorted(set(words)))


def learn(records: Iterable[AnswerRecord], words: Words) -> FeedbackEvidence:
    """Evidence from a log of answers.

    Args:
        records: answers with what came of them; those that nobody is known to have seen say nothing.
        words: a question's stemmed content words, as search takes them. Answers whose words were not kept say nothing.

    """
    kept = [record for record in records if record.words and (record.seen is not None or record.opened)]
    curve = looks(_observations(kept))
    told: dict[tuple[str, str], dict[str, _Person]] = defaultdict(lambda: defaultdict(_Person))
    for record in kept:
        terms = list(dict.fromkeys(words(record.words or "")))[:MAX_WORDS]
        for asset, (place, opened, judged) in _outcomes(record).items():
            for term in (*terms, whole_key(terms)):
                told[term, asset][record.principal].add(curve.at(place), opened=opened, judged=judged)
    usual = _usual(told.values())
    sums = {pair: _summed(people.values()) for pair, people in told.items()}
    values: dict[str, dict[str, float]] = defaultdict(dict)
    for (term, asset), found in sums.items():
        value = _value(found, usual)
        if value:
            values[term][asset] = round(value, 4)
    return FeedbackEvidence(dict(values), curve, len({record.principal for record in kept}))


def write(path: Path, evidence: FeedbackEvidence) -> None:
    """Write evidence as one JSON document: words, asset ids and values, and of people their number alone."""
    body = {
        "format": _FORMAT,
        "people": evidence.people,
        "looks": [round(value, 4) for value in evidence.looks.theta.tolist()],
        "values": evidence.values,
    }
    path.write_text(json.dumps(body, ensure_ascii=True, separators=(",", ":")), encoding="ascii")


def read(path: Path) -> FeedbackEvidence:
    """Evidence that `write` wrote.

    Raises:
        BadRequest: the file is none.

    """
    try:
        raw = json.loads(path.read_text(encoding="ascii"))
        values = {str(term): {str(a): float(v) for a, v in pairs.items()} for term, pairs in raw["values"].items()}
        found = FeedbackEvidence(values, Looks(np.asarray(raw["looks"], dtype=np.float64)), int(raw["people"]))
        known = raw["format"] == _FORMAT and found.looks.theta.shape == (DEPTH,)
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise BadRequest(f"{path} holds no evidence of `headwater feedback export`") from error
    if not known:
        raise BadRequest(f"{path} was written by another version")
    return found


@dataclass
class _Person:
    """What one person did with one table for one word."""

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


def _usual(told: Iterable[Mapping[str, _Person]]) -> float:
    """The usual rate of clicks over looks; whoever did more than the median person counts as one who did as much."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for people in told:
        for name, person in people.items():
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


def _summed(people: Iterable[_Person]) -> tuple[float, float, int, int]:
    """Clicks, looks, how many clicked, how many did not."""
    pairs = [person.counted() for person in people]
    clickers = sum(clicks > 0 for clicks, _ in pairs)
    return sum(c for c, _ in pairs), sum(e for _, e in pairs), clickers, len(pairs) - clickers


def _value(found: tuple[float, float, int, int], usual: float) -> float:
    clicks, exposure, clickers, others = found
    rate = (clicks + SHRINK * usual) / (exposure + SHRINK)
    value = max(-1.0, min(1.0, math.log(rate / usual) / math.log(GREATEST)))
    agree = clickers if value > 0 else others
    return value if agree >= MIN_PEOPLE else 0.0


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
