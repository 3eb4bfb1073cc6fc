"""What the access oracle compares: answers as they were sent, but for the few things that two catalogs cannot share.

`EXCEPTIONS` is the whole list, each with its reason. Everything else is equal to the last digit and in order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Exempt:
    """A value that may differ; whether it is there, and of which type, may not.

    Attributes:
        route: the route whose answers have it.
        field: where it stands, `*` for any item of a list.
        reason: why two honest catalogs differ in it.

    """

    route: str
    field: str
    reason: str


_CLOCK = "the two catalogs were crawled one after the other"
_NUMBER = "numbers are given out over the whole store, in the order of writing; the order itself is compared"
EXCEPTIONS = (
    Exempt("search", "query_id", "made anew for every request"),
    Exempt(
        "search",
        "generation",
        "a label of the state of the whole index, the same for every caller; nothing is derived from it",
    ),
    Exempt("search", "cursor", "holds that label; the pages that it leads to are compared"),
    Exempt("lineage", "cursor", "holds the number of the graph's state, the same for every caller; its pages are compared"),
    Exempt("asset", "first_seen", _CLOCK),
    Exempt("asset", "last_seen", _CLOCK),
    Exempt("assets", "assets.*.first_seen", _CLOCK),
    Exempt("assets", "assets.*.last_seen", _CLOCK),
    Exempt("changes", "changes.*.at", _CLOCK),
    Exempt("changes", "changes.*.id", _NUMBER),
    Exempt("changes", "changes.*.undoes", _NUMBER),
    Exempt("versions", "versions.*.at", _CLOCK),
    *(
        Exempt(route, f"{where}{field}", reason)
        for route, where in (("crawls", "crawls.*."), ("crawl", ""), ("sources", "sources.*.last_crawl."))
        for field, reason in (
            ("id", "drawn by chance for every crawl"),
            ("requested_at", _CLOCK),
            ("started_at", _CLOCK),
            ("ended_at", _CLOCK),
        )
    ),
    Exempt("problem", "request_id", "made anew for every request"),
)
REVISION = "a table's revision also counts what was said of it and names a hidden table; only such tables' may differ"
_BY_ROUTE = {route: {e.field for e in EXCEPTIONS if e.route == route} for route in {e.route for e in EXCEPTIONS}}


@dataclass(frozen=True)
class Answer:
    """One answer, ready to be compared: the route, the status, the body's leaves with the path of each, and its text but for
    what repeats the question.
    """

    route: str
    status: int
    leaves: tuple[tuple[str, Any], ...]
    text: str


def answer_of(route: str, response: Any, loosely: frozenset[str] = frozenset()) -> Answer:
    """An HTTP answer; `loosely` are the ids of tables whose revision may differ (see `REVISION`)."""
    route = route if response.status_code == 200 else "problem"
    body = json.loads(response.text, parse_float=_as_sent)
    leaves = [("", response.headers["Content-Type"]), ("", response.headers.get("Cache-Control"))]
    leaves += _leaves(body, "", _BY_ROUTE.get(route, set()), loosely)
    text = response.text
    if route == "search":  # compared with the rest, but it is the reader's own words and says nothing of the catalog
        text = json.dumps(_without_the_question(body), ensure_ascii=False)
    return Answer(route, response.status_code, tuple(leaves), text)


def _without_the_question(body: dict[str, Any]) -> dict[str, Any]:
    """What search says but the words that the reader typed: how they were read, which of them no table has, and which of them a
    text is near. What they were read as is said.
    """
    shown = {key: value for key, value in body.items() if key not in ("understood", "answer")}
    typed = re.findall(r"\w+", str(body.get("understood", {}).get("words", "")).lower())
    shown["hits"] = [hit | {"why": [_untyped(reason, typed) for reason in hit["why"]]} for hit in body.get("hits", ())]
    shown["read_as"] = [one["read_as"] for one in body["understood"]["corrections"]] if "understood" in body else []
    if (answer := body.get("answer")) is not None:
        shown["answer"] = answer | {"missing": [one for one in answer["missing"] if one["kind"] != "words"]}
    return shown


def _untyped(reason: dict[str, Any], typed: list[str]) -> dict[str, Any]:
    """A reason; that of meaning without the reader's own words."""
    if reason["feature"] != "meaning":
        return reason
    text = reason["text"].lower()
    for word in typed:
        text = text.replace(word, "")
    return reason | {"text": text}


def _as_sent(text: str) -> str:
    return f"float {text}"


def _leaves(value: Any, path: str, exempt: set[str], loosely: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """The leaves in the order in which they were sent, so that the order of keys and items counts."""
    if path in exempt:
        yield path, type(value).__name__
    elif isinstance(value, dict):
        yield path, "{}"
        for key, item in value.items():
            counted = key == "revision" and value.get("id") in loosely
            yield from _leaves("counted" if counted else item, f"{path}.{key}".lstrip("."), exempt, loosely)
    elif isinstance(value, list):
        yield path, f"[{len(value)}]"
        for item in value:
            yield from _leaves(item, f"{path}.*".lstrip("."), exempt, loosely)
    else:
        yield path, value


def differences(full: list[Answer], reduced: list[Answer]) -> list[str]:
    """What differs between two lists of answers, the first few places each; empty where nothing does."""
    if len(full) != len(reduced):
        return [f"{len(full)} answers against {len(reduced)}"]
    out: list[str] = []
    for at, (one, other) in enumerate(zip(full, reduced, strict=True)):
        if one.status != other.status:
            out.append(f"answer {at}: {one.status} {one.text[:200]} against {other.status} {other.text[:200]}")
            continue
        places = [(a, b) for a, b in zip(one.leaves, other.leaves, strict=False) if a != b]
        out += [f"answer {at} ({one.route}): {a} against {b}" for a, b in places[:3]]
        if not places and len(one.leaves) != len(other.leaves):
            out.append(f"answer {at} ({one.route}): {len(one.leaves)} values against {len(other.leaves)}")
    return out
