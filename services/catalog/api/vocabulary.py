"""`/vocabulary`: what people decided about words, and what the catalog proposes; accepting, rejecting, adding terms."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field, StringConstraints

from services.catalog.api.caller import Editor, Reader, Strict, answer
from services.catalog.vocabulary import Entry, Term, Vocabulary, fold
from services.common.errors import PreconditionFailed
from services.common.model.access import AccessScope
from services.common.model.names import AssetId
from services.common.model.vocabulary import Proposal
from services.common.ports import Search
from services.common.runtime.cursors import refused

_ETAG = re.compile(r'"vocabulary\.(?P<revision>[0-9]{1,18})"')
MAX_CHARS = 200
MAX_DEFINITION_CHARS = 5_000
MAX_NAMES = 50
_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_CHARS)]


class TermBody(Strict):
    """What to say about a term, in place of all that was said of it; nothing but the term takes it away."""

    term: _Name = Field(description="As people write it", examples=["ARR"])
    synonyms: tuple[_Name, ...] = Field(
        default=(), max_length=MAX_NAMES, description="Other names of the same, the fullest first"
    )
    rejected: tuple[_Name, ...] = Field(default=(), max_length=MAX_NAMES, description="What it is never to be taken for")
    definition: str | None = Field(default=None, max_length=MAX_DEFINITION_CHARS, description="For people")
    tables: tuple[str, ...] = Field(
        default=(), max_length=MAX_NAMES, description="Ids of the tables where it belongs; none for everywhere"
    )

    model_config = Strict.model_config | {
        "json_schema_extra": {
            "examples": [
                {"term": "ARR", "synonyms": ["annual recurring revenue"], "definition": "Yearly, without setup fees."}
            ]
        }
    }


class ListParameters(Strict):
    """Which page."""

    limit: int = Field(default=100, ge=1, le=500, description="Terms at most", examples=[10])
    cursor: str | None = Field(default=None, max_length=1_000, description="Where the page before ended")


class TableShape(BaseModel):
    """A table where a term belongs."""

    id: str
    qualified_name: str


class TermShape(BaseModel):
    """A term that people decided about; `etag` is what `If-Match` wants."""

    term: str
    synonyms: list[str]
    rejected: list[str]
    definition: str | None
    tables: list[TableShape]
    by: str
    at: dt.datetime
    etag: str


class ProposalShape(BaseModel):
    """A short form with the meaning that descriptions give it; used in searches until somebody rejects it."""

    term: str
    meaning: str
    evidence: int = Field(description="How many different descriptions say so")
    confidence: float


class VocabularyShape(BaseModel):
    """A page of terms; the first one has all proposals."""

    terms: list[TermShape]
    proposals: list[ProposalShape]
    cursor: str | None


def create_router(vocabulary: Vocabulary, search: Search) -> APIRouter:
    """The routes over the catalog's vocabulary and the indexer's port."""
    router = APIRouter(tags=["vocabulary"])

    @router.get(
        "/vocabulary", response_model=VocabularyShape, operation_id="list_vocabulary", summary="Terms, and what is proposed"
    )
    def list_route(caller: Reader, asked: Annotated[ListParameters, Query()]) -> Response:
        return answer(vocabulary_shape(vocabulary, search, caller.scope, limit=asked.limit, cursor=asked.cursor))

    @router.put("/vocabulary", response_model=TermShape | None, operation_id="put_term", summary="Say what a term means")
    def put_route(
        caller: Editor,
        body: TermBody,
        if_match: Annotated[
            str | None, Header(description="The ETag of the term as it was read; none for a new one")
        ] = None,
    ) -> Response:
        revision = None if if_match is None else _revision(if_match)
        entry = Entry(
            body.term,
            body.synonyms,
            body.rejected,
            (body.definition or "").strip() or None,
            tuple(AssetId(table) for table in dict.fromkeys(body.tables)),
        )
        said = vocabulary.put(entry, caller, if_match=revision)
        if said is None:
            return Response(status_code=204)
        return answer(term_shape(said), headers={"ETag": etag(said)})

    return router


def vocabulary_shape(
    vocabulary: Vocabulary, search: Search, scope: AccessScope, *, limit: int, cursor: str | None
) -> VocabularyShape:
    """A page of the vocabulary as the API and `headwater vocabulary --json` show it."""
    if cursor is not None and fold(cursor) != cursor:
        raise refused()
    terms, following = vocabulary.page(scope, after=cursor or "", limit=limit)
    found = open_proposals(vocabulary, search, scope) if cursor is None else []
    return VocabularyShape(
        terms=[term_shape(term) for term in terms],
        proposals=[
            ProposalShape(term=one.term, meaning=one.meaning, evidence=one.evidence, confidence=one.confidence)
            for one in found
        ],
        cursor=following,
    )


def open_proposals(vocabulary: Vocabulary, search: Search, scope: AccessScope) -> list[Proposal]:
    """What a caller's part of the catalog proposes and nobody has decided yet."""
    found = search.vocabulary(scope)
    known = vocabulary.decided([one.term for one in found], scope)
    out = []
    for one in found:
        term = known.get(fold(one.term))
        decided = () if term is None else (*term.entry.synonyms, *term.entry.rejected)
        if fold(one.meaning) not in map(fold, decided):
            out.append(one)
    return out


def term_shape(term: Term) -> TermShape:
    """A term as the API shows it."""
    entry = term.entry
    return TermShape(
        term=entry.term,
        synonyms=list(entry.synonyms),
        rejected=list(entry.rejected),
        definition=entry.definition,
        tables=[TableShape(id=one.id, qualified_name=one.name.qualified) for one in term.tables],
        by=term.by,
        at=term.at,
        etag=etag(term),
    )


def etag(term: Term) -> str:
    """The strong `ETag` of a term."""
    return f'"vocabulary.{term.revision}"'


def _revision(if_match: str) -> int:
    match = _ETAG.fullmatch(if_match.strip())
    if match is None:
        raise PreconditionFailed("this If-Match is not an ETag of a term; read it again")
    return int(match["revision"])
