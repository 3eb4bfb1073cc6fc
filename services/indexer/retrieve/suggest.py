"""Completions while typing: names first, then concepts; of names that begin alike those that are used much first.

Journey 2, beside the main line. Inside the view: a hidden table completes nothing, not even a tag that others have too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from services.common.model.assets import Kind
from services.common.model.names import AssetId
from services.common.model.search import Suggestion, SuggestionOf
from services.indexer.index.facet_index import FACETS
from services.indexer.index.keys import Ids
from services.indexer.index.name_index import Shelf, completion_key
from services.indexer.retrieve.spelling import spelled_tables
from services.indexer.retrieve.view import Seen, View

MAX_PREFIX_CHARS = 1_000
"""Longer texts are not completed."""
USED = 200
"""Of so many tables that are used most it is looked whether they begin so."""
CONCEPTS = 4
"""One completion in so many is kept for a concept, where there are more names than fit."""
# the filter that is being typed at the end of a text
_FILTER = re.compile(r'(?:^|(?<=[\s(]))([A-Za-z]+):("?)([^\s"]*)$')


def most_used(view: View, popular: Mapping[AssetId, float]) -> dict[int, float]:
    """The seen tables that are used most, by number, with how much.

    Args:
        view: what the caller sees.
        popular: how much tables are used, most first; so many as `USED` are looked at.

    """
    most = dict(islice(popular.items(), USED))
    assets, much = Ids.of(list(most)), np.fromiter(most.values(), dtype=np.float64, count=len(most))
    found: dict[int, float] = {}
    for part in view.parts:
        rows = part.segment.ids.places_of(assets)
        here = np.flatnonzero(rows >= 0)
        here = here[part.tables[rows[here]]]
        found |= dict(zip((rows[here] + part.offset).tolist(), much[here].tolist(), strict=True))
    return found


def suggestions(view: View, prefix: str, *, limit: int, used: Mapping[int, float] | None = None) -> list[Suggestion]:
    """Completions of what is being typed, at most `limit`; none for an empty text.

    Args:
        view: what the caller sees.
        prefix: what was typed.
        limit: completions at most.
        used: how much the tables are used that are used most, by number; they come first among names that begin alike.

    """
    if len(prefix) > MAX_PREFIX_CHARS or not prefix.strip():
        return []
    typed = _FILTER.search(prefix)
    if typed is not None and (typed[1].lower() in FACETS or typed[1].lower() == "column"):
        return _values(view, prefix[: typed.start()], typed[1].lower(), typed[3].lower(), limit)
    wanted = prefix.strip().lower()
    names = list(_names(view, wanted, limit, used or {}))
    concepts = [*_columns(view, wanted, limit), *_tags(view, wanted, limit)][: max(limit // CONCEPTS, limit - len(names))]
    return [*(names or _mistyped(view, wanted, limit))[: limit - len(concepts)], *concepts]


def _names(view: View, wanted: str, limit: int, used: Mapping[int, float]) -> Iterator[Suggestion]:
    """Tables whose own name begins so, then those of which a longer name or a later word does; in both the used ones first.

    A name that was typed whole comes before all that only begin so.
    """

    def order(table: int) -> tuple[object, ...]:
        record = view.record(table)
        return record.parts[-1].lower() != wanted, -used.get(table, 0.0), *completion_key(record)

    told: set[int] = set()
    for inner in (False, True):
        found: list[int] = []
        for part in view.parts:
            shelf = part.segment.completions.inner if inner else part.segment.completions.names
            found += _first(part, shelf, wanted, limit + len(told), used)
        fresh = sorted({table for table in found if table not in told}, key=order)
        told.update(fresh)
        yield from (_named(view, table) for table in fresh[:limit])


def _first(part: Seen, shelf: Shelf, wanted: str, limit: int, used: Mapping[int, float]) -> list[int]:
    """The seen tables of a segment that may come first among those whose key begins so, numbered as in the view."""
    here = np.zeros(len(part.segment), dtype=np.bool_)
    here[shelf.with_prefix(wanted)] = True
    rows = np.flatnonzero(here & part.tables)
    if len(rows) > limit:
        order = part.segment.completions.order[rows]
        begins = here & part.tables
        often = [at for at in used if 0 <= at - part.offset < len(begins) and begins[at - part.offset]]
        rows = rows[np.argpartition(order, limit - 1)[:limit]]
        return [*(rows + part.offset).tolist(), *often]
    return (rows + part.offset).tolist()


def _mistyped(view: View, wanted: str, limit: int) -> list[Suggestion]:
    """Where nothing begins so: names that it is with one mistake, or of which it is a part."""
    close = spelled_tables(view, wanted, (wanted,)).closeness
    best = sorted(close, key=lambda table: (-close[table], *completion_key(view.record(table))))
    return [_named(view, table) for table in best[:limit]]


def _named(view: View, table: int) -> Suggestion:
    record = view.record(table)
    return Suggestion(".".join(record.parts), record.kind, record.id)


def _columns(view: View, wanted: str, limit: int) -> list[Suggestion]:
    """Names of seen columns that begin so and are not restricted, as filters."""
    shelves = ((part.segment.completions.columns, part.tables) for part in view.parts)
    names = sorted({name for shelf, seen in shelves for name in _seen_keys(shelf, seen, wanted, limit)}, key=_by_length)
    return [Suggestion(_filter("column", name), Kind.COLUMN, None, SuggestionOf.COLUMN) for name in names[:limit]]


def _seen_keys(shelf: Shelf, seen: NDArray[np.bool_], wanted: str, limit: int) -> list[str]:
    """The shortest keys that begin so and stand for something seen."""
    low, high = shelf.span(wanted)
    keys = shelf.keys[low:high]
    out: list[str] = []
    for at in sorted(range(len(keys)), key=lambda key: _by_length(keys[key])):
        if seen[shelf.rows[shelf.start[low + at] : shelf.start[low + at + 1]]].any():
            out.append(keys[at])
            if len(out) == limit:
                break
    return out


def _tags(view: View, wanted: str, limit: int) -> list[Suggestion]:
    tags = [tag for tag in _facet_values(view, "tag") if tag.lower().startswith(wanted)]
    return [Suggestion(_filter("tag", tag), None, None, SuggestionOf.TAG) for tag in sorted(tags, key=_by_length)[:limit]]


def _values(view: View, before: str, field: str, begun: str, limit: int) -> list[Suggestion]:
    """The values of a filter that begin with what is typed of one; behind a comma, of the next one."""
    done, comma, last = begun.rpartition(",")
    if field == "column":
        found = [one.text.partition(":")[2] for one in _columns(view, last, limit)]
    else:
        found = [_quoted(value) for value in _facet_values(view, field) if value.lower().startswith(last)]
    texts = [f"{before}{field}:{done}{comma}{value}" for value in sorted(found, key=_by_length)[:limit]]
    return [Suggestion(text, None, None, SuggestionOf.VALUE) for text in texts]


def _facet_values(view: View, field: str) -> list[str]:
    """The values of a field that seen tables have."""
    found: set[str] = set()
    for part in view.parts:
        index = part.segment.facets[field]
        used = np.bincount(index.codes[part.tables[index.rows]], minlength=len(index.values))
        found.update(index.values[code] for code in np.flatnonzero(used).tolist())
    return sorted(found)


def _by_length(text: str) -> tuple[int, str]:
    return len(text), text


def _filter(field: str, value: str) -> str:
    return f"{field}:{_quoted(value)}"


def _quoted(value: str) -> str:
    return f'"{value}"' if any(char.isspace() or char in "(),*" for char in value) else value
