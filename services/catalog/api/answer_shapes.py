"""The shapes of an answer set in the public API. The last step of journey 2; `schemas` has all others."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from services.common.model.search import Evidence


class AnswerTableShape(BaseModel, frozen=True):
    """A table of an answer set."""

    id: str
    qualified_name: str


class JoinShape(BaseModel, frozen=True):
    """How two tables of an answer set are joined: `on` holds pairs of a column of `from` and one of `to`.

    `evidence` is `declared` for a key, `observed` for joins in queries, `inferred` for names and types alone; `confidence`
    is how likely the columns are a real key.
    """

    from_: str = Field(serialization_alias="from")
    to: str
    on: list[tuple[str, str]]
    evidence: Evidence
    confidence: float


class MissingShape(BaseModel, frozen=True):
    """What an answer set lacks: `words` that none of its tables has, or a `link` between pieces that nothing joins."""

    kind: Literal["words", "link"]
    text: str
    words: list[str]
    tables: list[list[str]]


class AnswerSetShape(BaseModel, frozen=True):
    """The small set of tables that answers the question together; `confidence` is the set's expected F1, `sql` its FROM."""

    tables: list[AnswerTableShape]
    joins: list[JoinShape]
    missing: list[MissingShape]
    confidence: float
    sql: str
