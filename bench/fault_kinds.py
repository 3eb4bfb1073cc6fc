"""What can go wrong while a warehouse is crawled, drawn by chance: of real servers, of an emulator, and of recorded ones.

Used by `faults`. Each fault is one crawl, after which the warehouse is as it was before.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from services.common.model.crawls import CrawlState
from tests.support.answering import Reply
from tests.support.bigquery import problem_of
from tests.support.halves import World
from tests.support.proxy import Before, Break
from tests.support.recorded_halves import Act
from tests.support.snowflake import result_of

Fault = Callable[[World, random.Random, int], CrawlState]
"""A crawl that something befalls. The number is how many bytes a whole answer has."""
Kinds = Mapping[str, tuple[Fault, int]]
"""Faults with how often each comes."""
_STALL_S = 0.3
_TIMEOUT_S = 2.0
_TABLES = range(20, 40)
"""Tables that nobody wrote about."""

_GAP = 6
"""Requests between a drop and the making anew; the two lists of tables are further apart."""

_SNOWFLAKE_ERRORS: tuple[tuple[int, str, str], ...] = (
    (2003, "02000", "SQL compilation error: Object does not exist or not authorized."),
    (90030, "22000", "Information schema query returned too much data. Please repeat query with more selective predicates."),
    (604, "57014", "SQL execution canceled"),
    (606, "57P03", "No active warehouse selected in the current session."),
    (300002, "XX000", "SQL execution internal error: Processing aborted by error 300002"),
)
_SNOWFLAKE_ENDED = ("390112", "390114")  # "Your session has expired", "Authentication token has expired"
_BIGQUERY_ERRORS = (
    (403, "accessDenied", "Access Denied: User does not have permission"),
    (403, "responseTooLarge", "Response too large to return."),
    (403, "quotaExceeded", "Quota exceeded"),
    (403, "rateLimitExceeded", "Exceeded rate limits"),
    (404, "notFound", "Not found: Job acme-prod:eu.job"),
    (400, "invalidQuery", "Unrecognized name"),
    (500, "backendError", "Error encountered during execution. Retrying may solve the problem."),
)
_HTTP = (429, 500, 502, 503, 504, 403, 404)


def _broken(kind: Break, *, once: bool = False) -> Fault:
    def fault(world: World, chance: random.Random, answer: int) -> CrawlState:
        timeout_s = _TIMEOUT_S if kind is not Break.STALL else _STALL_S
        with world.proxy(kind=kind, after=chance.randrange(1, answer), once=once) as proxy:
            return world.crawl(port=proxy.port, timeout_s=timeout_s).state

    return fault


def _during(act: Callable[[World, random.Random], Callable[[], object]]) -> Fault:
    def fault(world: World, chance: random.Random, _answer: int) -> CrawlState:
        with world.proxy(before=Before(world.warehouse.marker, act(world, chance))) as proxy:
            return world.crawl(port=proxy.port).state

    return fault


def _ended(world: World, _chance: random.Random) -> Callable[[], object]:
    return world.warehouse.end_sessions


def _rebuilt(world: World, chance: random.Random) -> Callable[[], object]:
    """A table that nobody wrote about, dropped and made anew as it was, while the crawl reads."""
    name = world.warehouse.named(chance.choice(["one", "two"]), f"t{(at := chance.choice(_TABLES))}")
    make = f"CREATE TABLE {name} (id int PRIMARY KEY, c_{at} varchar(20) DEFAULT 'x')"
    return lambda: world.warehouse.run(f"DROP TABLE {name}", make)


def _revoked(world: World, chance: random.Random, _answer: int) -> CrawlState:
    warehouse, container = world.warehouse, chance.choice(["one", "two"])
    schema = warehouse.containers[container][-1]
    what = f"SELECT, SHOW VIEW ON {schema}.*" if warehouse.engine == "mariadb" else f"USAGE ON SCHEMA {schema}"
    warehouse.run(f"REVOKE {what} FROM {warehouse.role}")
    try:
        return world.crawl().state
    finally:
        warehouse.run(f"GRANT {what} TO {warehouse.role}")


REAL: Kinds = {
    "cut": (_broken(Break.CUT), 40),
    "reset": (_broken(Break.RESET), 25),
    "stall": (_broken(Break.STALL), 5),
    "session ended": (_during(_ended), 10),
    "rebuilt": (_during(_rebuilt), 10),
    "revoked": (_revoked, 10),
}
EMULATED: Kinds = {
    "cut": (_broken(Break.CUT), 40),
    "reset": (_broken(Break.RESET), 25),
    "cut once": (_broken(Break.CUT, once=True), 25),
    "stall": (_broken(Break.STALL), 10),
}
"""What a proxy can do to the emulator, which knows neither rights nor when something was made."""


def _said(what: Callable[[World, random.Random], Act], *, lasting: bool | None = None) -> Fault:
    """Something else than the server's answer to one request, or (drawn, unless it is said) to all from then on."""

    def fault(world: World, chance: random.Random, _answer: int) -> CrawlState:
        warehouse: Any = world.warehouse
        at = chance.randrange(_requests(world))
        lasts = chance.random() < 0.5 if lasting is None else lasting
        with warehouse.disturbed({at: what(world, chance)}, lasting=lasts):
            return world.crawl(timeout_s=_TIMEOUT_S).state

    return fault


def _requests(world: World) -> int:
    """How many requests an undisturbed crawl makes; counted once."""
    warehouse: Any = world.warehouse
    if not hasattr(world, "requests"):
        with warehouse.counted() as paths:
            world.settled()
        world.requests = len(paths)  # type: ignore[attr-defined]
    return int(world.requests)  # type: ignore[attr-defined]


def _http_error(_world: World, chance: random.Random) -> Act:
    status, body = chance.choice(_HTTP), chance.choice([b"<html>Bad Gateway</html>", b"", b"{}"])
    return lambda _path, _body: Reply(body, status)


def _server_error(world: World, chance: random.Random) -> Act:
    if world.warehouse.engine == "bigquery":
        problem = chance.choice(_BIGQUERY_ERRORS)
        return lambda _path, _body: problem_of(*problem)
    error = chance.choice(_SNOWFLAKE_ERRORS)
    return lambda _path, _body: Reply.of(result_of(error))


def _session_ended(world: World, chance: random.Random) -> Act:
    if world.warehouse.engine == "bigquery":
        return lambda _path, _body: problem_of(401, "authError", "Request had invalid authentication credentials.")
    answer = {"data": {}, "code": chance.choice(_SNOWFLAKE_ENDED), "message": "it has expired", "success": False}
    return lambda _path, _body: Reply.of(answer)


def _half_said(_world: World, chance: random.Random) -> Act:
    """JSON that is none, or has nothing in it of what there should be."""
    body = chance.choice(
        [b"{}", b"null", b"[]", b'{"data": null, "success": true}', b'{"data": {"rowset": [[', b"", b"\xff\xfe"]
    )
    return lambda _path, _body: Reply(body)


def _shortened(world: World, chance: random.Random) -> Act:
    warehouse: Any = world.warehouse
    share = chance.random()
    return lambda path, body: warehouse.shortened(path, body, share)


def _hidden(world: World, chance: random.Random, _answer: int) -> CrawlState:
    """Rights on one schema are lost, before the crawl or at any request of it, and silently, as these servers do it."""
    warehouse: Any = world.warehouse
    schema, whole = chance.choice(["one", "two"]), chance.random() < 0.5
    late = [*warehouse.stock.usage()] if chance.random() < 0.5 else None

    def act(_path: str, _body: dict[str, Any]) -> None:
        warehouse.stock.late = late
        warehouse.hide(schema, whole=whole)

    try:
        with warehouse.disturbed({chance.randrange(_requests(world)) if chance.random() < 0.7 else 0: act}):
            return world.crawl().state
    finally:
        warehouse.restore()


def _remade(world: World, chance: random.Random, _answer: int) -> CrawlState:
    """Tables that nobody wrote about are dropped at one request and made anew, as they were, at the same or soon after it.

    Never so long after it that they would truly have been gone whenever the crawl asked which there are.
    """
    warehouse: Any = world.warehouse
    some = {(chance.choice(["one", "two"]), f"t{chance.choice(_TABLES)}") for _ in range(chance.randrange(1, 6))}
    first = chance.randrange(_requests(world))
    last = first + chance.randrange(_GAP)
    warehouse.stock.late = [*warehouse.stock.usage()] if chance.random() < 0.5 else None

    def drop(_path: str, _body: dict[str, Any]) -> None:
        for key in some:
            warehouse.stock.drop(*key)
        if first == last:
            create(_path, _body)

    def create(_path: str, _body: dict[str, Any]) -> None:
        for key in some:
            if key not in warehouse.stock.living:
                warehouse.stock.create(*key)

    try:
        with warehouse.disturbed({last: create, first: drop}):
            return world.crawl().state
    finally:
        for key in some:  # the crawl may have ended before
            if key not in warehouse.stock.living:
                warehouse.stock.create(*key)
        warehouse.restore()


RECORDED: Kinds = {
    "cut": (_broken(Break.CUT), 20),
    "cut once": (_broken(Break.CUT, once=True), 8),
    "reset": (_broken(Break.RESET), 12),
    "stall": (_broken(Break.STALL), 5),
    "HTTP error": (_said(_http_error), 10),
    "server's error": (_said(_server_error), 10),
    "session ended": (_said(_session_ended), 5),
    "no answer in it": (_said(_half_said), 5),
    "rows left out": (_said(_shortened), 10),
    "revoked": (_hidden, 15),
    "rebuilt": (_remade, 15),
}
