"""What a segment looks up by name, as arrays: made once of its records when it is written, and mapped from then on.

Journey 1, step "new generation". A server that opens a hundred thousand tables reads none of their records for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.facet_index import FACETS, FacetIndex
from services.indexer.index.keys import Ids, SegmentKeys
from services.indexer.index.name_index import Completions, Numbers, Postfixes, Shelf
from services.indexer.index.segment import Segment
from services.indexer.index.signatures import Signatures
from services.indexer.index.strings import Strings

Arrays = dict[str, NDArray[Any]]
_SHELVES = ("names", "inner", "columns")


def lookup_arrays(segment: Segment) -> Arrays:
    """Everything in `LOOKED_UP` of a segment, as arrays by name."""
    homes, home = segment.homes
    names, codes = segment.column_names
    ends, typed, keys = segment.postfixes, segment.completions, segment.keys
    out: Arrays = {
        "home": home,
        "updated": segment.updated,
        "foreign": segment.foreign,
        "postfixes.rows": ends.rows,
        "postfixes.starts": ends.starts,
        "completions.order": typed.order,
        "column_names.codes": codes,
        "name_numbers.start": segment.name_numbers.start,
        "name_numbers.code": segment.name_numbers.code,
        "keys.source": keys.source,
        "keys.nth": keys.nth,
        **_of_ids("ids", segment.ids),
        **_of_ids("keys.target", keys.target),
        **_of_strings("own_names", segment.own_names),
        **_of_strings("qualified", segment.qualified),
        **_of_strings("paths", segment.paths),
        **_of_strings("homes", [json.dumps(home) for home in homes]),
        **_of_strings("column_names", names),
        **_of_signatures("postfixes", ends.signatures),
        **_of_signatures("column_names", segment.column_signatures),
        **_of_shelf("rows_by_name", segment.rows_by_name),
        **_of_shelf("name_words", segment.name_words),
    }
    for name in _SHELVES:
        out |= _of_shelf(f"completions.{name}", getattr(typed, name))
    for field, index in segment.facets.items():
        out |= {f"{field}.rows": index.rows, f"{field}.codes": index.codes}
        out |= _of_strings(f"{field}.values", index.values)
    return out


def lookups_of(arrays: Arrays) -> dict[str, object]:
    """What `lookup_arrays` was made from, by the names in `LOOKED_UP`.

    Raises:
        KeyError: an array is missing.

    """
    ids = _ids(arrays, "ids")
    homes = tuple(tuple(json.loads(home)) for home in _strings(arrays, "homes"))
    facets = {field: _facet(arrays, field, len(ids)) for field in FACETS}
    names, inner, columns = (_shelf(arrays, f"completions.{name}") for name in _SHELVES)
    return {
        "ids": ids,
        "own_names": _strings(arrays, "own_names"),
        "qualified": _strings(arrays, "qualified"),
        "paths": _strings(arrays, "paths"),
        "homes": (homes, arrays["home"]),
        "updated": arrays["updated"],
        "foreign": arrays["foreign"],
        "facets": facets,
        "rows_by_name": _shelf(arrays, "rows_by_name"),
        "postfixes": Postfixes(_signatures(arrays, "postfixes"), arrays["postfixes.rows"], arrays["postfixes.starts"]),
        "name_words": _shelf(arrays, "name_words"),
        "name_numbers": Numbers(arrays["name_numbers.start"], arrays["name_numbers.code"]),
        "completions": Completions(names, inner, columns, arrays["completions.order"]),
        "column_names": (_strings(arrays, "column_names"), arrays["column_names.codes"]),
        "column_signatures": _signatures(arrays, "column_names"),
        "keys": SegmentKeys(ids, arrays["keys.source"], arrays["keys.nth"], _ids(arrays, "keys.target")),
    }


def made_otherwise(segment: Segment) -> list[str]:
    """Which arrays of a segment's lookups are not what its records say, by name."""
    fresh = replace(segment, records=tuple(segment.records))
    have, want = lookup_arrays(segment), lookup_arrays(fresh)
    return sorted(name for name in want if not np.array_equal(have[name], want[name]))


def _of_strings(name: str, texts: Any) -> Arrays:
    made = texts if isinstance(texts, Strings) else Strings.of(texts)
    return {f"{name}.text": made.text, f"{name}.start": made.start}


def _strings(arrays: Mapping[str, NDArray[Any]], name: str) -> Strings:
    return Strings(arrays[f"{name}.text"], arrays[f"{name}.start"])


def _of_ids(name: str, ids: Ids) -> Arrays:
    return {f"{name}.code": ids.code, f"{name}.letters": ids.letters}


def _ids(arrays: Mapping[str, NDArray[Any]], name: str) -> Ids:
    return Ids.mapped(arrays[f"{name}.code"], arrays[f"{name}.letters"])


def _of_signatures(name: str, made: Signatures) -> Arrays:
    return {f"{name}.chars": made.chars, f"{name}.pairs": made.pairs, f"{name}.lengths": made.lengths}


def _signatures(arrays: Mapping[str, NDArray[Any]], name: str) -> Signatures:
    return Signatures(arrays[f"{name}.chars"], arrays[f"{name}.pairs"], arrays[f"{name}.lengths"])


def _of_shelf(name: str, made: Shelf) -> Arrays:
    return {f"{name}.of": made.start, f"{name}.rows": made.rows, **_of_strings(f"{name}.keys", made.keys)}


def _shelf(arrays: Mapping[str, NDArray[Any]], name: str) -> Shelf:
    return Shelf(_strings(arrays, f"{name}.keys"), arrays[f"{name}.of"], arrays[f"{name}.rows"])


def _facet(arrays: Mapping[str, NDArray[Any]], field: str, n: int) -> FacetIndex:
    return FacetIndex(tuple(_strings(arrays, f"{field}.values")), arrays[f"{field}.rows"], arrays[f"{field}.codes"], n)
