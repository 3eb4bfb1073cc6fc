"""Errors as problem documents and back: one table, complete, and nothing lost on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from services.common import errors
from services.common.errors import HeadwaterError, Renamed
from services.common.runtime.problems import PROBLEM_JSON, STATUS, problem_error, problem_response


def kinds(root: type[HeadwaterError] = HeadwaterError) -> Iterator[type[HeadwaterError]]:
    """Every error below the root that the vocabulary itself defines."""
    for kind in root.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
            yield from kinds(kind)


KINDS = sorted(kinds(), key=lambda kind: kind.code)


def test_every_error_has_a_code_of_its_own_and_a_status():
    """A new error without either would be a 500 to callers, and an unknown code to the other services."""
    assert len(KINDS) > 12
    codes = [kind.code for kind in KINDS]
    assert len(set(codes)) == len(codes)
    assert HeadwaterError.code not in codes
    assert all(kind.title != HeadwaterError.title for kind in KINDS)
    assert set(STATUS) == set(KINDS)
    assert {kind for kind, status in STATUS.items() if not 400 <= status < 600} == {Renamed}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_an_error_comes_back_as_itself(kind):
    """Type, detail, what it points at and its candidates, also with a text that UTF-8 cannot carry."""
    details = ["wrong", "Größe\n表 \udc80", ""]
    for detail in details:
        error = kind(detail)
        back = problem_error(0, json.loads(problem_response(error).body))
        assert type(back) is kind
        assert (back.detail, back.errors, str(back)) == (detail, (), detail)


def test_what_an_error_points_at_comes_back():
    """In its order."""
    found = ({"pointer": "/a", "detail": "x"}, {"pointer": "/b/0", "detail": "y"})
    assert problem_error(0, json.loads(problem_response(errors.BadRequest("no", errors=found)).body)).errors == found
    candidates = ("postgres://a:5432/x.y", "postgres://b:5432/x.y")
    back = problem_error(0, json.loads(problem_response(errors.Ambiguous("two", candidates)).body))
    assert isinstance(back, errors.Ambiguous)
    assert back.candidates == candidates


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_an_error_is_a_problem_document(kind):
    """With the members of RFC 9457, a stable code, and never a cached one."""
    answer = problem_response(kind("why"))
    body = json.loads(answer.body)
    assert body == {
        "type": f"urn:headwater:problem:{kind.code}",
        "title": kind.title,
        "status": answer.status_code,
        "detail": "why",
        "code": kind.code,
    } | ({"candidates": []} if kind is errors.Ambiguous else {})
    assert answer.headers["content-type"] == PROBLEM_JSON
    assert answer.headers["cache-control"] == "no-store"
    assert ("retry-after" in answer.headers) is (answer.status_code in (429, 503))
    assert ("www-authenticate" in answer.headers) is (answer.status_code == 401)


def test_an_error_that_nobody_listed_is_an_internal_one():
    """It still is a problem, and the other side does not take it for another error."""

    class Unlisted(HeadwaterError):
        pass

    answer = problem_response(Unlisted("why"))
    assert answer.status_code == 500
    assert type(problem_error(500, json.loads(answer.body))) is errors.ServiceUnavailable


def test_the_request_is_named_in_its_problem():
    """So that a person can quote it, and the log be searched for it."""
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        body = json.loads(problem_response(errors.NotFound("no")).body)
    assert body["request_id"] == "r-1"
    assert problem_error(404, body).detail == "no"


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "x",
        1,
        {},
        {"code": "nonsense"},
        {"code": None},
        {"code": ["not_found"]},
        {"code": {}},
        {"code": "internal"},
    ],
)
def test_an_answer_that_is_no_problem_of_ours_is_an_unavailable_service(body):
    """A proxy's page, for one; its status is named."""
    error = problem_error(418, body)
    assert type(error) is errors.ServiceUnavailable
    assert "418" in error.detail


@pytest.mark.parametrize("body", [{"errors": None}, {"candidates": None}, {"detail": 1}, {}])
@pytest.mark.parametrize("code", ["bad_request", "ambiguous_name"])
def test_a_problem_with_members_missing_is_still_its_error(code, body):
    """An older or newer service says less; nothing breaks."""
    error = problem_error(0, {"code": code, **body})
    assert error.code == code
    assert error.errors == ()
