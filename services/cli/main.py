"""The commands and their arguments; each command's module is imported when it runs.

Every journey that a person starts in a terminal begins here.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path

from services import __version__
from services.cli.exits import WRONG_USE
from services.common.runtime.garbage import nothing_collected
from services.common.runtime.threads import keep_to_one

ROLES = ("all", "catalog", "indexer", "lineage", "sidecar")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors are one line on standard error."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return WRONG_USE
    keep_to_one()
    with nothing_collected():
        module = importlib.import_module(f"services.cli.{arguments.module}")
    run: Callable[[argparse.Namespace], int] = module.run
    from services.cli.terminal import report_errors

    return report_errors(run, arguments)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--home", type=Path, help="the data folder (default: ./.headwater, or HEADWATER_HOME)")
    common.add_argument("--config", type=Path, help="the settings file (default: ./headwater.toml, or HEADWATER_CONFIG)")
    parser = argparse.ArgumentParser(
        prog="headwater",
        description="A metadata catalog in one small service: crawl warehouses, find data in words, see where it comes from.",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong use, 3 done in part.",
    )
    parser.add_argument("--version", action="version", version=f"headwater {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, text: str, module: str | None = None) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", parents=[common])
        made.set_defaults(module=module or name)
        return made

    _demo(command("demo", "crawl, index and serve the sample warehouse"))
    _init(command("init", "write a commented headwater.toml"))
    _crawl(command("crawl", "read the metadata of warehouses into the catalog"))
    _serve(command("serve", "answer over HTTP"))
    _search(command("search", "ask which data answers a question"))
    _related(command("related", "show what is used together with some tables, and how to join it"))
    _similar(command("similar", "show which tables are like one: copies, shards, versions and offshoots"))
    _eval_usage(command("eval-usage", "measure how well a query log's own queries are foretold", "eval_usage"))
    _unused(command("unused", "list tables that no query log shows to be read lately"))
    _lineage(command("lineage", "show what an asset is made from, and what is made from it"))
    _impact(command("impact", "show who is affected when a table or a column of it changes"))
    _check(command("check", "say what breaks if a script were run or a dbt project rebuilt"))
    _lineage_sql(command("lineage-sql", "show what SQL reads and writes, tables and columns", "lineage_sql"))
    _history(command("history", "show what changed in a table's schema, and whether that breaks its readers"))
    _export(command("export", "write what is said of tables and columns to a file"))
    _import(command("import", "bring in what a file says of tables and columns", "import_words"))
    _eval(command("eval", "measure how well judged questions are answered", "evaluate"))
    _searches(command("searches", "show what people asked, did not find, and opened"))
    _train_ranker(command("train-ranker", "learn the order of hits from judged questions", "train_ranker"))
    _feedback(command("feedback", "write what many people's clicks say of tables to a file"))
    _verify(command("verify", "prove that the index holds what the store holds"))
    _crawls(command("crawls", "show what crawls did, and say yes to what one holds"))
    _renames(command("renames", "decide on tables that may have got another name"))
    _vocabulary(command("vocabulary", "say what words mean here: accept or reject proposals, bring in a glossary"))
    _bundle(command("bundle", "put a catalog's answers into a folder that answers alone"))
    command("grants", "print the script that gives a source's role the least that a crawl needs").add_argument(
        "source", metavar="NAME or URL", help="a configured source, or the URL of one"
    )
    command("doctor", "check settings, databases, model, index and sources").add_argument(
        "source", nargs="?", metavar="NAME", help="check one source: can it be reached and read?"
    )
    database = command("db", "look after the databases")
    database.add_argument("action", choices=["upgrade"], help="upgrade: bring all three to this version")
    return parser


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-serve", action="store_true", help="stop before serving")
    parser.add_argument("--host", help="address to serve on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to serve on (default: 8642, or the next free one)")


def _init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="overwrite a headwater.toml that is there")


def _crawl(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sources", nargs="*", metavar="NAME or URL", help="configured sources, or URLs (default: all configured)"
    )
    parser.add_argument(
        "--query-log",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="also read what ran, from a log; without sources only the log is read; may repeat",
    )
    parser.add_argument("--no-wait", action="store_true", help="end at the commit, without waiting for the index")
    parser.add_argument("--dry-run", action="store_true", help="show what would be sent, read and changed; write nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _crawls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words",
        nargs="*",
        metavar="[list] [NAME] | show ID | accept ID",
        help="list crawls, of one source; show what one changed; say yes to what one holds (default: list)",
    )
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="crawls at most (default: 20)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _renames(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=["list", "accept", "reject"], default="list", help="default: list")
    parser.add_argument("of", nargs="?", metavar="ID", help="accept, reject: as the list gives it")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _vocabulary(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", nargs="?", choices=["list", "accept", "reject", "import"], default="list", help="default: list"
    )
    parser.add_argument("of", nargs="?", metavar="TERM or FILE", help="accept, reject: the term; import: a CSV file")
    parser.add_argument("--json", action="store_true", help="list: print one JSON document")


def _serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--role", choices=ROLES, default="all", help="what to run in this process (default: all)")
    parser.add_argument("--host", help="address (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port (default: 8643 for indexer, 8644 for lineage, else 8642)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes that answer (default: 1)")
    parser.add_argument("--bundle", type=Path, metavar="DIR", help="sidecar: the folder that `bundle export` wrote")


def _search(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "question", metavar="QUESTION", help="words, a question, or a name, with typed filters such as tag:pii"
    )
    parser.add_argument("-k", type=int, default=10, metavar="N", help="hits at most (default: 10)")
    parser.add_argument(
        "--kind", action="append", default=[], help="table, view, materialized_view, exposure, job or column; may repeat"
    )
    parser.add_argument("--fold", action="store_true", help="put copies, backups and date shards under one hit")
    parser.add_argument("--answer", choices=["tables"], help="also the small set of tables that answers it, with its joins")
    parser.add_argument("--json", action="store_true", help="print one JSON document, as the API answers")


def _related(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="ids, or names of which the end is enough")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--person", metavar="USER", help="go out from what a user of the logs used lately, as logs are kept"
    )
    instead.add_argument("--search", metavar="QUESTION", help="go out from what others opened after asking this")
    parser.add_argument("-k", type=int, default=10, metavar="N", help="tables at most (default: 10)")
    parser.add_argument("--json", action="store_true", help="print one JSON document, as the API answers")


def _similar(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", metavar="TABLE", help="an id, or a name of which the end is enough")
    parser.add_argument("-k", type=int, default=10, metavar="N", help="tables at most (default: 10)")
    parser.add_argument("--json", action="store_true", help="print one JSON document, as the API answers")


def _eval_usage(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("log", type=Path, metavar="LOG", help="a query log, in any format that crawl --query-log reads")
    parser.add_argument(
        "--split",
        choices=["time", "folds"],
        default="time",
        help="time: the first 60 %% learn, the rest asks; folds: each fifth is asked of the others (default: time)",
    )
    parser.add_argument("--source", metavar="NAME", help="the source whose tables the log names")
    parser.add_argument("--shuffle", type=int, metavar="SEED", help="control: tables are used with others by chance")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _unused(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=int, default=90, metavar="N", help="not read within so many days (default: 90)")
    parser.add_argument("--csv", action="store_true", help="print CSV with headings")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _lineage(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("asset", nargs="?", metavar="ASSET", help="an id, or a name of which the end is enough")
    parser.add_argument("--column", metavar="C", help="walk from this column of it, between columns")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--up", action="store_true", help="only what it is made from")
    way.add_argument("--down", action="store_true", help="only what is made from it")
    parser.add_argument("--to", metavar="ASSET", help="instead the shortest ways from ASSET to this one")
    parser.add_argument("--to-column", metavar="C", help="with --to and --column: the ways between these columns")
    parser.add_argument("--depth", type=int, metavar="N", help="hops at most, 1 to 100 (default: 3; ways: 20)")
    parser.add_argument("--as-of", metavar="INSTANT", help="the lineage as it was then, such as 2031-05-01T12:00:00Z")
    parser.add_argument("--stale", action="store_true", help="also edges that nothing has shown for long")
    parser.add_argument("--coverage", action="store_true", help="say instead how far definitions are understood")
    parser.add_argument("--json", action="store_true", help="print one JSON document, as the API answers")


def _impact(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("asset", metavar="ASSET", help="an id, or a name of which the end is enough")
    parser.add_argument("--column", metavar="C", help="the column that changes (default: the whole table)")
    parser.add_argument("--change", choices=("drop", "retype", "rename"), default="drop", help="default: drop")
    parser.add_argument(
        "--sort", choices=("depth", "order", "name", "source", "owner"), default="depth", help="default: depth"
    )
    parser.add_argument("--limit", type=int, default=1_000, metavar="N", help="datasets at most (default: 1000)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON document, as the API answers")
    form.add_argument("--csv", action="store_true", help="print a table for a spreadsheet")
    form.add_argument("--mermaid", action="store_true", help="print a picture for a page, as Mermaid")


def _check(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--ddl", metavar="FILE", help="SQL that is about to be run; - is standard input")
    what.add_argument("--manifest", type=Path, metavar="FILE", help="dbt's manifest.json after the change")
    parser.add_argument("--against", type=Path, metavar="FILE", help="dbt's manifest.json before it (default: the catalog)")
    parser.add_argument("--dialect", default="", metavar="D", help="of the SQL, such as postgres or snowflake")
    parser.add_argument("--format", choices=("text", "markdown", "json"), default="text", help="default: text")


def _lineage_sql(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="SQL, or .jsonl with one text a line; - is standard input")
    parser.add_argument("--dialect", metavar="D", help="such as postgres, snowflake, tsql, spark (default: generic SQL)")
    parser.add_argument("--schema", type=Path, metavar="FILE", help="columns by table, as a JSON object or metadata lines")
    parser.add_argument("--json", action="store_true", help="print one JSON document; of .jsonl one a line")


def _history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("asset", metavar="ASSET", help="an id, or a name of which the end is enough")
    parser.add_argument("--as-of", metavar="INSTANT", help="the schema that was valid then, such as 2031-05-01T12:00:00Z")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="versions at most, 1 to 200 (default: 20)")
    parser.add_argument("--json", action="store_true", help="print one JSON document, as the API answers")


def _bundle(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["export", "verify"], help="export: write one; verify: prove that one is whole")
    parser.add_argument("folder", type=Path, metavar="DIR", help="the bundle's folder")
    parser.add_argument("--token", metavar="NAME", help="export: only what this configured token may see")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help=".csv or .jsonl, with or without .gz; - is standard output")
    parser.add_argument("--format", choices=("csv", "jsonl"), help="where the file's name does not tell (- is csv)")


def _import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help=".csv or .jsonl, with or without .gz; - is standard input")
    parser.add_argument("--format", choices=("csv", "jsonl"), help="where the file's name does not tell (- is csv)")
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    parser.add_argument("--force", action="store_true", help="write over what was said since the export")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _train_ranker(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="JUDGEMENTS.jsonl", help="questions with the tables that answer them")
    parser.add_argument("--out", metavar="FILE", help="write the ranker there, and leave the one in use")
    parser.add_argument("--dry-run", action="store_true", help="measure, and write nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _eval(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="JUDGEMENTS.jsonl", help="questions with the tables that answer them"
    )
    parser.add_argument("-k", type=int, default=10, metavar="N", help="hits that count (default: 10)")
    parser.add_argument("--shuffle", type=int, metavar="SEED", help="control: give each question another one's answer")
    parser.add_argument(
        "--hide-gold", action="store_true", help="ask again without the gold tables: does `answerable` fall?"
    )
    parser.add_argument(
        "--compare", nargs=2, metavar=("A", "B"), help="two kept runs (their ids, or last), or two homes to ask now"
    )
    parser.add_argument("--runs", action="store_true", help="list the runs that this home keeps")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _searches(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weeks", type=int, default=8, metavar="N", help="how many weeks back (default: 8)")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="questions of each kind (default: 20)")
    parser.add_argument("--json", action="store_true", help="print one JSON document, as the API answers")


def _feedback(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["export"], help="export: write the evidence, without people")
    parser.add_argument("file", type=Path, metavar="FILE", help="where to; one JSON document")


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repair", action="store_true", help="mend what is found")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
