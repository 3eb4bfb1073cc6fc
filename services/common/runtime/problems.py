"""Errors as RFC 9457 problems: the one table from codes to HTTP statuses, both ways.

Every HTTP journey ends here when it fails; a client turns the problem back into the error that was raised.
"""

from __future__ import annotations

import json
from typing import Any, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from services.common import errors
from services.common.errors import HeadwaterError
from services.common.runtime.logs import get_logger

STATUS: dict[type[HeadwaterError], int] = {
    errors.BadRequest: 422,
    errors.Unauthenticated: 401,
    errors.WrongHost: 421,
    errors.Forbidden: 403,
    errors.ReadOnly: 403,
    errors.NotFound: 404,
    errors.Renamed: 308,
    errors.Ambiguous: 409,
    errors.Conflict: 409,
    errors.PreconditionRequired: 428,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.TooMany: 429,
    errors.SourceFailed: 502,
    errors.WrongSettings: 500,
    errors.StoreOutdated: 503,
    errors.ModelUnavailable: 503,
    errors.IndexDamaged: 503,
    errors.ServiceUnavailable: 503,
}
"""The HTTP status of each error; a test holds it complete."""

_BY_CODE = {kind.code: kind for kind in STATUS}
_RETRY_AFTER_S = 2
"""A restarting service or a busy database is usually back by then; clients may try sooner at their own cost."""

PROBLEM_JSON = "application/problem+json"
BODY_TOO_LARGE = "the request's body is over the limit, which max_body_bytes sets"
_NO_TYPE = "about:blank"
"""The type of a problem that HTTP's status says all of."""
_log = get_logger("http")


def problem_body(error: HeadwaterError, status: int) -> dict[str, Any]:
    """The problem document of an error: type, title, status, detail, code, and what it points at."""
    body: dict[str, Any] = {
        "type": f"urn:headwater:problem:{error.code}",
        "title": error.title,
        "status": status,
        "detail": error.detail,
        "code": error.code,
    }
    if error.errors:
        body["errors"] = list(error.errors)
    if isinstance(error, errors.Ambiguous):
        body["candidates"] = list(error.candidates)
    return body


def problem_response(error: HeadwaterError) -> JSONResponse:
    """The HTTP answer for an error."""
    status = STATUS.get(type(error), 500)
    headers = {"Cache-Control": "no-store"}
    if status in (429, 503):
        headers["Retry-After"] = str(_RETRY_AFTER_S)
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="headwater"'
    return _answer(problem_body(error, status), status, headers)


class _AsciiJson(JSONResponse):
    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode("ascii")  # a name quoted in `detail` may hold what UTF-8 cannot carry


def _answer(body: dict[str, Any], status: int, headers: dict[str, str]) -> JSONResponse:
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if request_id:
        body["request_id"] = request_id
    return _AsciiJson(body, status_code=status, headers=headers, media_type=PROBLEM_JSON)


def is_unknown_route(status: int, body: object) -> bool:
    """Whether an answer says that the service has no such route, and not that what was asked for is not there."""
    return status in (404, 405) and isinstance(body, dict) and body.get("type") == _NO_TYPE


def install_problem_handlers(app: FastAPI) -> None:
    """Make every error of `app` a problem: ours, FastAPI's validation, unknown routes, and what nobody expected."""
    app.add_exception_handler(HeadwaterError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    known = cast("HeadwaterError", error)
    if isinstance(known, errors.Renamed):
        response = problem_response(known)
        where = request.url.path.replace(known.old, known.now, 1)
        response.headers["Location"] = f"{where}?{request.url.query}" if request.url.query else where
        return response
    if STATUS.get(type(known), 500) >= 500:
        _log.warning("request failed", code=known.code, detail=known.detail)
    return problem_response(known)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    invalid = cast("RequestValidationError", error)
    found = tuple(
        {"pointer": "/" + "/".join(str(part) for part in item["loc"]), "detail": str(item["msg"])}
        for item in invalid.errors()
    )
    first = found[0] if found else {"pointer": "/", "detail": "invalid"}
    return problem_response(errors.BadRequest(f"{first['pointer']}: {first['detail']}", errors=found))


async def _http(_request: Request, error: Exception) -> JSONResponse:
    raised = cast("HTTPException", error)
    if raised.status_code == 413:
        return problem_response(errors.TooLarge(BODY_TOO_LARGE))
    body = {
        "type": _NO_TYPE,
        "title": str(raised.detail),
        "status": raised.status_code,
        "detail": str(raised.detail),
        "code": {400: "bad_request", 404: "not_found", 405: "method_not_allowed"}.get(raised.status_code, "http_error"),
    }
    return _answer(body, raised.status_code, {**(raised.headers or {}), "Cache-Control": "no-store"})


async def _unexpected(_request: Request, error: Exception) -> JSONResponse:
    _log.error("unexpected error", exc_info=error)
    return problem_response(HeadwaterError("an unexpected error occurred; the log line with this request's id says more"))


def problem_error(status: int, body: object) -> HeadwaterError:
    """The error that a problem document stands for.

    Args:
        status: the answer's HTTP status, named where the body is no problem of ours.
        body: the parsed JSON, whatever it is.

    """
    kind = _BY_CODE.get(str(body.get("code"))) if isinstance(body, dict) else None
    if kind is None or not isinstance(body, dict):
        return errors.ServiceUnavailable(f"a service answered {status}, which nobody expected")
    detail = str(body.get("detail", ""))
    if kind is errors.Ambiguous:
        return errors.Ambiguous(detail, tuple(body.get("candidates") or ()))
    return kind(detail, errors=tuple(body.get("errors") or ()))
