"""Words of a question with a typing mistake, read as what was meant: `custmer` as customer.

Journey 2, step "question understood", before its words are looked up and encoded: the question spelled rightly and the one with the
mistake get the same answer. Only a word that neither the caller's view, nor people's vocabulary, nor the word list of the pinned
model has is one; names with a mistake are found by `spelling.py` besides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from services.common.model.vocabulary import Synonyms
from services.common.model.words import stem
from services.indexer.index.signatures import Signatures, one_edit, signatures
from services.indexer.retrieve.abbreviated import short_forms
from services.indexer.retrieve.view import View
from services.indexer.text.segmenter import segmenter

MIN_CHARS = 5
"""Shorter words are one edit from too many others."""
MOST = 4
"""So many mistakes in a question are read otherwise; where there are more, it is in another language."""
LEFT_OUT, SWAPPED, TOO_MANY, ANOTHER = range(4)
"""Mistakes, likeliest first: a letter left out, two swapped, one too many, another one."""
_WORD = re.compile(r"(?<![^\s\"'(,;])[A-Za-z]{5,}(?![^\s\"'),;:?!.])")


def corrections(view: View, text: str, said: Sequence[Synonyms] = ()) -> Mapping[str, str]:
    """The misspelt words of a question, lower case, with what they are read as.

    Args:
        view: whose tables say which words there are; nothing else of a catalog does.
        text: the question.
        said: what people decided about its words: one that they gave a meaning is no mistake.

    """
    words = dict.fromkeys(match[0].lower() for match in _WORD.finditer(text) if match[0].islower())
    given = {word for one in said for name in (one.term, *one.synonyms) for word in name.lower().split()}
    unknown = [word for word in words if word not in given and not _is_word(word) and not _has(view, word)]
    if not unknown or len(unknown) > MOST:
        return {}
    found = {word: _meant(view, word) for word in unknown}
    return {word: meant for word, meant in found.items() if meant}


def corrected(text: str, read: Mapping[str, str]) -> str:
    """A question with its misspelt words replaced."""
    return _WORD.sub(lambda word: read.get(word[0].lower(), word[0]), text) if read else text


def _is_word(word: str) -> bool:
    """Whether a word is of the list, derived from one of it, or made of several; `monthy` is no word though month is.

    A plural is one where its singular is: what looks derived by an s alone may be `custmers`.
    """
    found = segmenter()
    if found is None or word in _ranks() or stem(word) in _ranks():
        return True
    if word.endswith("s") and stem(word) != word:
        return _is_word(stem(word))
    return not word.endswith("y") if not found.is_glued(word) else len(found.parts(word)) > 1


def _has(view: View, word: str) -> bool:
    """Whether anything seen has a word anywhere; a restricted column has it too, which tables' words leave out."""
    for part in view.parts:
        for words, seen in ((part.segment.words, part.tables), (part.segment.column_words, part.columns)):
            found = words.find(stem(word))
            if found is not None and seen[found[0]].any():
                return True
    return False


def _meant(view: View, word: str) -> str | None:
    """The word that was meant: one that seen names have, or a frequent one that something seen says or may be short for.

    Nothing where the view speaks for none: most words that a list of 20,000 does not have are rightly spelled.
    """
    ours = set(_of_names(view, word))
    if ours:
        return min(ours, key=lambda other: (_mistake(word, other), other))
    near = [other for other in _listed(word) if one_edit(other, word)]
    known = {other: _has(view, other) for other in near}
    fitting = [o for o in near if known[o] or (_mistake(word, o) <= SWAPPED and short_forms(view, o))]
    return min(fitting, key=lambda o: (not known[o], _mistake(word, o), _ranks()[o]), default=None)


def _of_names(view: View, word: str) -> Iterable[str]:
    """Words of seen tables' names that begin as a word does and are one edit from it."""
    for part in view.parts:
        shelf = part.segment.name_words
        low, high = shelf.span(word[:1])
        for at in range(low, high):
            if (
                abs(len(shelf.keys[at]) - len(word)) <= 1
                and one_edit(shelf.keys[at], word)
                and part.tables[shelf.rows[shelf.start[at] : shelf.start[at + 1]]].any()
            ):
                yield shelf.keys[at]


def _mistake(typed: str, meant: str) -> int:
    if len(meant) != len(typed):
        return LEFT_OUT if len(meant) > len(typed) else TOO_MANY
    return SWAPPED if sorted(meant) == sorted(typed) else ANOTHER


@lru_cache(maxsize=1)
def _ranks() -> Mapping[str, int]:
    found = segmenter()
    return found.ranks(None, MIN_CHARS) if found is not None else {}


def _listed(word: str) -> list[str]:
    """Words of the list that begin as a word does and may be one edit from it."""
    words, known = list(_ranks()), _signatures()
    return [other for at in known.near(word).tolist() if (other := words[at])[0] == word[0]]


@lru_cache(maxsize=1)
def _signatures() -> Signatures:
    return signatures(list(_ranks()))
