"""An answer set as the API, the command and the portal show it, and what it lacks in words. Journey 2, the last step."""

from __future__ import annotations

from collections.abc import Iterator

from services.catalog.api.answer_shapes import AnswerSetShape, AnswerTableShape, JoinShape, MissingShape
from services.catalog.search import WholeSet


def answer_shape(together: WholeSet) -> AnswerSetShape:
    """An answer set; nothing in it that the caller may not see, since the hits' predicate has been asked."""
    found = together.answer
    return AnswerSetShape(
        tables=[AnswerTableShape(id=table, qualified_name=together.tables[table].name.qualified) for table in found.tables],
        joins=[
            JoinShape(from_=join.one, to=join.other, on=list(join.on), evidence=join.evidence, confidence=join.confidence)
            for join in found.joins
        ],
        missing=list(_missing(together)),
        confidence=found.confidence,
        sql=together.sql,
    )


def _missing(together: WholeSet) -> Iterator[MissingShape]:
    found = together.answer
    if found.uncovered and found.tables:
        words = list(found.uncovered)
        text = f"no table of the set has: {', '.join(words)}"
        yield MissingShape(kind="words", text=text, words=words, tables=[])
    if len(found.pieces) > 1:
        pieces = [[together.tables[table].name.qualified for table in piece] for piece in found.pieces]
        text = "nothing known joins " + " with ".join(" and ".join(piece) for piece in pieces)
        yield MissingShape(kind="link", text=text, words=[], tables=[list(piece) for piece in found.pieces])
