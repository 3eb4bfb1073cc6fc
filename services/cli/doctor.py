"""`headwater doctor`: what is there, what is missing, and what to do about it; nothing is changed.

For people who wonder why something does not answer.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sqlite3
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from services.cli.exits import DONE, FAILED
from services.cli.terminal import settings_of
from services.common.errors import BadRequest, HeadwaterError
from services.common.runtime.db import Database
from services.common.runtime.migrations import current_revision
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import SourceSettings
from services.indexer.embed.model_files import locate
from services.indexer.schedule import following
from services.indexer.sources.open import open_source
from services.workspace import LINES, Workspace

Check = tuple[str, bool, str]
"""What was looked at, whether it is well, and what was seen or is to be done."""


def run(arguments: argparse.Namespace) -> int:
    """Check everything, or one source."""
    settings = settings_of(arguments, begins=True)
    checks = _source_checks(settings, arguments.source) if arguments.source else _all_checks(settings)
    well = True
    for what, fine, text in checks:
        well = well and fine
        print(f"{'ok  ' if fine else 'FAIL'}  {what}: {text}")
    return DONE if well else FAILED


def _all_checks(settings: Settings) -> Iterator[Check]:
    yield "python", sys.version_info >= (3, 11), sys.version.split()[0]
    yield "sqlite", sqlite3.sqlite_version_info >= (3, 35), sqlite3.sqlite_version
    for package in ("faiss-cpu", "onnxruntime", "sqlglot", "duckdb"):
        yield _tried(package, partial(version, package), PackageNotFoundError)
    yield from _database_checks(settings)
    yield _tried("model", lambda: _model(settings))
    yield from _index_checks(settings)
    for name, source in settings.sources.items():
        yield _tried(f"source {name}", partial(_reach, name, source))
    if not settings.sources:
        yield "sources", True, "none configured; `headwater init` writes a settings file to fill in"


def _source_checks(settings: Settings, name: str) -> Iterator[Check]:
    if name not in settings.sources:
        raise BadRequest(f"no source is called {name}; configured are: {', '.join(sorted(settings.sources)) or 'none'}")
    source = settings.sources[name]
    reached = _tried(f"source {name}", lambda: _reach(name, source))
    yield reached
    if not reached[1]:
        return
    lacking = False
    with open_source(name, source) as opened:
        for one in opened.missing():
            lacking = True
            yield "grant", False, f"{one.grant}  without it: {one.lost}"
    if not lacking:
        yield "grants", True, "the role has all that a crawl needs"
    due = following(source, dt.datetime.now(dt.UTC))
    yield "schedule", True, f"next at {due.isoformat()}" if due else "none: crawled when somebody asks for it"


def _database_checks(settings: Settings) -> Iterator[Check]:
    if settings.database_url is None and not settings.home.exists():
        yield "databases", True, "not there yet; the first command that writes creates them"
        return
    for line in LINES:
        yield _tried(f"database {line.service}", partial(_revision, settings, line.service, line.head))


def _revision(settings: Settings, service: str, head: str) -> str:
    if settings.database_url is None and not (settings.home / f"{service}.db").exists():
        return "not there yet; the first command that writes creates it"  # to look would make an empty file
    database = Database.for_service(service, home=settings.home, database_url=settings.database_url)
    try:
        found = current_revision(database)
    finally:
        database.close()
    if found is None:
        return "not there yet; the first command that writes creates it"
    if found != head:
        raise HeadwaterError(
            f"at revision {found}, not {head}: run `headwater db upgrade`, or use the version that wrote it"
        )
    return f"at revision {found}"


def _model(settings: Settings) -> str:
    if settings.model == "hashing":
        return "hashing (no model: found by letters, not by meaning)"
    files = locate(settings.model)
    return f"{files.model_id}, {files.dimension} dimensions"


def _index_checks(settings: Settings) -> Iterator[Check]:
    if settings.database_url is None and not (settings.home / "catalog.db").exists():
        yield "index", True, "nothing crawled yet"
        return
    space = Workspace(settings)
    try:
        yield _tried("index", lambda: _index(space))
        yield _tried("lineage", lambda: _lineage(space))
    finally:
        space.close()


def _index(space: Workspace) -> str:
    space.indexer.open()
    status = space.indexer.status()
    holder = space.indexer.lease.state()
    served = f"; held by {holder.role} ({holder.holder})" if holder.alive else ""
    if status.problem:
        raise HeadwaterError(status.problem)
    foreign = (
        f"; {status.foreign:,} are not in the model's language, and found by their words more than by their meaning"
        if status.foreign
        else ""
    )
    return (
        f"generation {status.generation}, {status.documents:,} tables and views, "
        f"{status.vectors:,} of {status.texts:,} texts have vectors{foreign}{served}"
    )


def _lineage(space: Workspace) -> str:
    space.lineage.follower.catch_up()
    status = space.lineage.walker.status()
    return (
        f"{status.datasets:,} datasets, {status.edges:,} edges; {status.parsed:,} definitions read, {status.unparsed:,} not"
    )


def _reach(name: str, source: SourceSettings) -> str:
    with open_source(name, source) as opened:
        expected = opened.expected()
    return f"can be read, {expected:,} tables and views" if expected is not None else "can be read"


def _tried(what: str, look: Callable[[], str], *also: type[Exception]) -> Check:
    try:
        return what, True, look()
    except HeadwaterError as error:
        return what, False, error.detail
    except also as error:
        return what, False, str(error)
