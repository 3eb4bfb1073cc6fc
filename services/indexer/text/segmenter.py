"""Where the words of a glued name begin: `HASLEGALNAME` → has legal name. Pure once its word list is read.

Journey 1, step "document text", and journey 2 for names that people paste. The cheapest way to spell a name with known words
is found by dynamic programming; a word costs by its rank in the vocabulary of the pinned model's own tokenizer, which is
ordered roughly by frequency. What a name becomes depends on its own table alone, never on other tables of the catalog.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice

from services.common.errors import ModelUnavailable
from services.indexer.embed.model_files import default_vocabulary

MIN_CHARS = 5
"""Shorter words are left whole: `userid` has six letters, and below five nearly every split is a wrong one."""
MAX_CHARS = 160
"""Longer words are left whole: the longest glued name of the open pools has 130 letters."""
_LONGEST_PART = 20
_SMOOTH = 8
"""Added to a rank, so that `the` and `of` are not so cheap that they are found everywhere."""
# costs in nats. A word nobody knows costs like one more letter each time; all of them from the sweep in bench/vocabulary.py,
# over names with breaks that were glued and over the ordinary words of descriptions
_UNKNOWN, _UNKNOWN_LETTER, _UNKNOWN_BESIDE = 6.0, 2.2, 2.0
_PART, _DERIVED, _THREE_LETTERS = 1.0, 3.0, 3.0
_PIECE, _LOCAL = 6.0, 6.0
_SHORTEST_UNKNOWN = 4

# two letters are a word only where names have them: `is` and `has` begin one, `id`, `at` and `by` end one
_TWO_FIRST = frozenset({"is", "to", "no", "by", "my", "of"})
_TWO_LAST = frozenset({"at", "on", "by", "no", "to", "of"})
_TWO_WITHIN = frozenset({"of", "to", "in", "is", "by", "no", "at", "on", "as", "or", "up", "an", "it"})
# what names are made of and prose is not: only that these are words, never what they mean (that is learned, see
# docs/concepts/vocabulary.md). From general knowledge of schemas, from no data set.
_PIECES = frozenset(
    """
    id ids dt cd nr ts yr wk hr fk pk num nbr name names key keys code date dates time typ flag flg ind status desc descr amt
    amount qty quantity cnt count avg min max sum pct addr acct cust ord inv prod cat dept emp mgr usr org grp txn trx trans
    pmt curr loc ctry zip tel url uuid guid hash idx ref src tgt dst dest prev seq ver val attr param cfg conf config info msg
    err tbl col dim fct fact stg tmp hist ext int str bool app acc bal dob yrs mth mon hrs req resp svc sys env exp cre upd del
    crt mod fname lname login logon signup metadata timestamp datetime username hostname identifier invoice payable receivable
    accrued json http html xml sql api csv
    """.split()  # noqa: SIM905 - a list of one word a line would be longer than the rest of this file
)
_ENDINGS: Sequence[tuple[str, Sequence[str]]] = (
    ("ies", ("y",)),
    ("es", ("", "e")),
    ("s", ("",)),
    ("ed", ("", "e")),
    ("ing", ("", "e")),
    ("er", ("", "e")),
    ("ers", ("", "e")),
    ("or", ("", "e")),
    ("able", ("", "e")),
    ("ly", ("",)),
    ("ally", ("", "al")),
    ("ness", ("",)),
    ("ment", ("",)),
    ("ation", ("", "e")),
    ("ization", ("", "e")),
    ("ized", ("", "e")),
    ("ize", ("", "e")),
    ("ity", ("", "e")),
    ("al", ("",)),
    ("y", ("", "e")),
    ("ance", ("",)),
    ("ic", ("", "e", "y")),
)
_PREFIXES = ("un", "in", "non", "re", "pre", "sub", "dis", "over", "under")
_SHORTEST_STEM = 3


class Segmenter:
    """Finds the words of glued names.

    Args:
        vocabulary: a WordPiece vocabulary, frequent words first; pieces that go on a word begin with `##`.

    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        whole = [word for word in vocabulary if len(word) > 1 and word.isascii() and word.isalpha()]
        self._scale = math.log(math.log(max(len(whole), 3)))
        self._costs: Mapping[str, float] = {word: self._cost_of_rank(rank) for rank, word in enumerate(whole)}
        self._starts = frozenset(vocabulary)
        self._longest = max(map(len, vocabulary), default=1)
        self.fingerprint = hashlib.sha256("\n".join(vocabulary).encode()).hexdigest()[:16]
        """What a generation's manifest says of the word list: texts made with another one are made again."""

    def _cost_of_rank(self, rank: int) -> float:
        return math.log(rank + _SMOOTH) + self._scale

    def parts(self, word: str, nearby: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """The words of a glued word, in order; the word alone where it is one.

        Args:
            word: letters only, lower case.
            nearby: words that its own table is known to use: parts of its other names, words of its description.

        """
        if not self.is_glued(word):
            return (word,)
        return self._parts(word, tuple(sorted(one for one in nearby if len(one) < len(word) and one in word)))

    def is_glued(self, word: str) -> bool:
        """Whether a word may be a glued one: letters only, neither short nor known."""
        if not MIN_CHARS <= len(word) <= MAX_CHARS or not (word.isascii() and word.isalpha()):
            return False
        return word not in _PIECES and self._known(word) is None

    def is_common(self, word: str, rank: int) -> bool:
        """Whether a word is among so many most frequent ones, or any longer one of the list: five letters are no accident."""
        cost = self._costs.get(word)
        return cost is not None and (len(word) > 4 or cost < self._cost_of_rank(rank))

    def ranks(self, n: int | None, min_chars: int) -> dict[str, int]:
        """The n most frequent words of the list, or all, that have so many letters, most frequent first, each with its rank from 0."""
        return {word: rank for rank, word in enumerate(islice(self._costs, n)) if len(word) >= min_chars}

    def is_english(self, word: str) -> bool:
        """Whether a word is of the list, derived from one of it, or made of several."""
        return not self.is_glued(word) or len(self.parts(word)) > 1

    def pieces(self, word: str) -> int:
        """Into how many pieces the model's own tokenizer cuts a word, greedily from the left."""
        return self._pieces(word)

    @lru_cache(maxsize=65_536)  # noqa: B019 - there is one segmenter a process
    def _parts(self, word: str, nearby: tuple[str, ...]) -> tuple[str, ...]:
        n = len(word)
        best = [0.0, *[math.inf] * n]
        begin = [0] * (n + 1)
        for end in range(2, n + 1):
            for start in range(max(0, end - _LONGEST_PART), end - 1):
                if best[start] == math.inf or end - start == n:
                    continue
                total = best[start] + self._cost(word[start:end], nearby, first=start == 0, last=end == n)
                if total < best[end]:
                    best[end], begin[end] = total, start
        if best[n] >= _UNKNOWN + _UNKNOWN_LETTER * n:
            return (word,)
        out: list[str] = []
        end = n
        while end:
            out.append(word[begin[end] : end])
            end = begin[end]
        return tuple(reversed(out))

    def _cost(self, part: str, nearby: tuple[str, ...], *, first: bool, last: bool) -> float:
        """What a part costs where it stands, infinite where it cannot stand."""
        if part in nearby:
            return _PART + _LOCAL
        if part in _PIECES:
            return _PART + _PIECE
        if len(part) == 2:
            fits = _TWO_FIRST if first else _TWO_LAST if last else _TWO_WITHIN
            return _PART + self._costs.get(part, math.inf) if part in fits else math.inf
        known = self._known(part)
        if known is not None:
            return _PART + known + (_THREE_LETTERS if len(part) == 3 else 0.0)
        if len(part) < _SHORTEST_UNKNOWN:
            return math.inf
        return _PART + _UNKNOWN + _UNKNOWN_BESIDE + _UNKNOWN_LETTER * len(part)

    @lru_cache(maxsize=65_536)  # noqa: B019 - there is one segmenter a process
    def _known(self, word: str) -> float | None:
        """The cost of a word of the list, or of one that is derived from it; None of any other."""
        cost = self._costs.get(word)
        return cost if cost is not None else min(self._derived(word), default=None)

    def _derived(self, word: str) -> Iterable[float]:
        for ending, replacements in _ENDINGS:
            bare = word.removesuffix(ending)
            if len(bare) == len(word) or len(bare) < _SHORTEST_STEM:
                continue
            yield from (self._costs[bare + r] + _DERIVED for r in replacements if bare + r in self._costs)
        for prefix in _PREFIXES:
            bare = word.removeprefix(prefix)
            if len(bare) < len(word) and len(bare) > _SHORTEST_STEM and bare in self._costs:
                yield self._costs[bare] + _DERIVED

    @lru_cache(maxsize=65_536)  # noqa: B019 - there is one segmenter a process
    def _pieces(self, word: str) -> int:
        n = start = 0
        while start < len(word):
            mark = "##" if start else ""
            longest = min(len(word), start + self._longest)
            end = next((e for e in range(longest, start, -1) if mark + word[start:e] in self._starts), start + 1)
            start, n = end, n + 1
        return n


_given: list[Segmenter | None] = []


def use_vocabulary(vocabulary: Sequence[str]) -> bool:
    """Let this process find words with a vocabulary that a bundle brings, whatever is installed; empty for none at all.

    To be called before anything is split. False where another vocabulary is in use by such a call already.
    """
    wanted = Segmenter(vocabulary) if vocabulary else None
    if not _given:
        _given.append(wanted)
    held = _given[0]
    return (held.fingerprint if held else None) == (wanted.fingerprint if wanted else None)


def segmenter() -> Segmenter | None:
    """The segmenter of this process, read when first asked for (20 ms); None where the model's package is not installed."""
    return _given[0] if _given else _installed()


@lru_cache(maxsize=1)
def _installed() -> Segmenter | None:
    try:
        return Segmenter(default_vocabulary())
    except ModelUnavailable:
        return None


def word_list() -> str | None:
    """The fingerprint of the word list in use, None where there is none."""
    found = segmenter()
    return found.fingerprint if found is not None else None
