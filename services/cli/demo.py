"""`headwater demo`: the sample warehouse, crawled, indexed and served; ends with three questions to try."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
import sys
from importlib import resources
from pathlib import Path

from services.catalog.exchange_import import Importer
from services.catalog.exchange_lines import read_rows
from services.cli.crawl import crawl_and_index
from services.cli.exits import DONE
from services.cli.query_logs import open_logs, read_logs
from services.cli.serve import bound, serve
from services.cli.serving import address_of
from services.cli.terminal import say, settings_of
from services.common.model.access import FULL_SCOPE, Principal, Role
from services.common.model.changes import Seq
from services.common.runtime.settings import DEFAULT_PORT, DEMO_HOME, Settings
from services.common.runtime.source_settings import SourceSettings
from services.demo.query_log import weeks_until, write_query_log
from services.demo.warehouse import build_warehouse
from services.workspace import Workspace

SOURCE = "demo"
DATABASE = "retail"
NAMESPACE = "duckdb:///headwater-demo/retail.duckdb"
"""Not the file's own path, so that the sample's tables have the same ids everywhere: the API's examples name them."""
SETTINGS = "# The sample warehouse, as `headwater demo` crawls it; written by it.\n"
PORTS_TRIED = 20
BY = Principal(SOURCE, Role.EDITOR, FULL_SCOPE)
"""Who is recorded as having said whose tables they are."""
QUESTIONS = (
    "which table has monthly revenue per customer?",
    "how many hours did each employee work?",
    "what did we spend on ads per channel?",
)


def run(arguments: argparse.Namespace) -> int:
    """Build, crawl, index, and serve unless told not to."""
    settings = settings_of(arguments, default_home=DEMO_HOME, begins=True)
    if arguments.port is not None and not arguments.no_serve:
        bound(settings.host, arguments.port).close()  # before a minute's work for a port that is taken
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    warehouse = settings.home / f"{DATABASE}.duckdb"
    build_warehouse(warehouse)
    # as if it had run until last week: what nobody has seen for long would be hidden as stale
    weeks = weeks_until(dt.datetime.now(dt.UTC).date())
    write_query_log(settings.home / "queries.jsonl", database=DATABASE, weeks_later=weeks)
    source = SourceSettings(url=f"duckdb:///{warehouse}", namespace=NAMESPACE)
    _remember(settings.home / "headwater.toml", source)
    settings = settings.model_copy(update={"sources": {**settings.sources, SOURCE: source}})
    space = Workspace(settings)
    try:
        report = crawl_and_index(space, SOURCE, source, lambda: _say_owners(space))
        space.lineage.follower.catch_up()
        read_logs(space, open_logs([settings.home / "queries.jsonl"], [(SOURCE, source)]))
        holder = space.indexer.lease.state()
    finally:
        space.close()
    say(f"searchable after {report.seconds:.1f} s")
    _try_these(settings)
    if arguments.no_serve:
        return DONE
    if holder.alive and holder.role == "serve" and arguments.port is None:
        where = address_of(settings)
        say(f"this home is served already{f' at {where}' if where else ''}, and what was crawled is found there")
        return DONE
    port = settings.port
    listening = bound(settings.host, port, tries=PORTS_TRIED if arguments.port is None else 1)
    if listening.getsockname()[1] != DEFAULT_PORT and arguments.port is None:
        say(f"port {port} is taken, so the next free one is used")
    return serve(settings, "all", listening)


def _say_owners(space: Workspace) -> Seq:
    """Who the sample's tables belong to, as if people had said so; what somebody said otherwise meanwhile stays."""
    with resources.files("services.demo").joinpath("owners.jsonl").open("rb") as lines:
        Importer(space.reader, space.curator, BY).run(read_rows(lines, "jsonl"))
    return space.feed.head()


def _remember(path: Path, source: SourceSettings) -> None:
    """Let `headwater crawl` and the API know the sample by its name; settings that somebody else wrote stay."""
    if path.exists() and not path.read_text(encoding="utf-8").startswith(SETTINGS):
        return
    # a JSON text is a TOML text too
    lines = (f"[sources.{SOURCE}]", f"url = {json.dumps(source.url)}", f"namespace = {json.dumps(source.namespace)}", "")
    path.write_text(SETTINGS + "\n".join(lines), encoding="utf-8")


def _try_these(settings: Settings) -> None:
    say("")
    say("Try, here or in another terminal:")
    for question in QUESTIONS:
        say(f'  {_program()} search --home {_short(settings.home)} "{question}"')
    say("")


def _program() -> str:
    """How this command can be typed here: `make demo` leaves it in the project's own environment."""
    if shutil.which("headwater"):
        return "headwater"
    here = Path(sys.executable).parent / "headwater"
    return _short(here) if here.exists() else f"{_short(Path(sys.executable))} -m services"


def _short(home: Path) -> str:
    try:
        return str(home.relative_to(Path.cwd()))
    except ValueError:
        return str(home)
