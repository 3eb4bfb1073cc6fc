"""Lineage from SQL beside its peers: cases of two test suites, declared edges, variants, truth by execution, speed.

`make bench-lineage ARGS=DATA` (with all else of lineage) or `make bench ARGS="lineage DATA"`; `--only cases,dbt,variants,truth,speed` runs
some. Peers run in environments of their own, made by `tools/lineage_peers.sh`; those that are not there are left out, by name.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from bench import lineage_speed as speed
from bench.lineage_demo_truth import judge_demo
from bench.lineage_suite_truth import Suite, columns_by_alias, columns_by_prefix, judge_suite, readable
from bench.lineage_truth import Tally, generated, judge
from bench.report import machine, print_table
from services.lineage.sql.extract import read_script
from services.lineage.sql.script import Script
from tests.support.lineage_variants import answer, variants

ROOT = Path(__file__).parent.parent
PEERS = {
    "sqllineage": ".venv-peer-sqllineage",
    "openlineage": ".venv-peer-openlineage",
    "datahub": ".venv-peer-datahub",
    "sqlglot": ".venv",
}
FEW = 300
"""Fewer generated statements than these only show that it runs; of the suites every tenth query is enough then."""
PARTS = ("cases", "dbt", "variants", "truth", "speed")
Answer = dict[str, Any]


def lines(path: Path) -> list[Answer]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def ours(case: Answer) -> Answer:
    whole = read_script(Script(case["sql"], case.get("dialect") or "", case.get("schema") or {})).whole
    columns = [[[e.source, e.column], [e.target, e.into]] for e in whole.column_edges if e.kind.direct]
    return {"id": case["id"], "sources": whole.sources, "targets": whole.targets, "columns": columns}


def interpreter(folder: str) -> Path:
    """The Python of a peer's environment; of the project's own where it is run by another than `.venv`."""
    return Path(sys.executable) if folder == ".venv" else ROOT / folder / "bin" / "python"


def peer_script(name: str) -> Path:
    """What a peer's Python runs."""
    return ROOT / "bench" / "peers" / f"{name}_peer.py"


def peers(cases: Sequence[Answer]) -> dict[str, dict[str, Answer]]:
    """Each peer's answers by id."""
    text = "".join(json.dumps({key: case.get(key) for key in ("id", "sql", "dialect", "schema")}) + "\n" for case in cases)
    found = {}
    for name, folder in PEERS.items():
        python = interpreter(folder)
        if not python.exists():
            print(f"{name}: not there; tools/lineage_peers.sh {name} makes it")
            continue
        command = [str(python), str(peer_script(name))]
        run = subprocess.run(command, input=text, capture_output=True, text=True, timeout=1_500, check=False)
        found[name] = {one["id"]: one for one in map(json.loads, run.stdout.splitlines())}
    return found


# comparing


def plain(name: str | None) -> str | None:
    return None if name is None else re.sub(r"[\"`\[\]]|<default>\.", "", name).lower()


def same(one: str | None, other: str | None) -> bool:
    """Whether two names may be one table: the shorter is the end of the longer."""
    if one is None or other is None:
        return one is other
    a, b = one.split("."), other.split(".")
    short = min(len(a), len(b))
    return a[-short:] == b[-short:]


def equal(one: Iterable[Any], other: Iterable[Any], fits: Callable[[Any, Any], bool]) -> bool:
    a, b = list(one), list(other)
    return all(any(fits(x, y) for y in b) for x in a) and all(any(fits(x, y) for x in a) for y in b)


def tables_right(found: Answer, case: Answer) -> bool:
    if "failed" in found:
        return False
    pairs = [(found[key], case[f"expected_{key}"]) for key in ("sources", "targets") if case[f"expected_{key}"] is not None]
    return all(equal(map(plain, one), map(plain, other), same) for one, other in pairs)


def same_edge(one: Any, other: Any) -> bool:
    """Whether two edges between columns may be one."""
    (a, b), (c, d) = one, other
    names = (plain(a[1]), plain(b[1])) == (plain(c[1]), plain(d[1]))
    return names and same(plain(a[0]), plain(c[0])) and same(plain(b[0]), plain(d[0]))


def columns_right(found: Answer, case: Answer) -> bool:
    return "failed" not in found and equal(found["columns"], case["expected_column_edges"], same_edge)


def alike(found: Answer, other: Answer) -> bool:
    """Whether two readers say the same of a statement: the tables that it reads, and every edge between columns."""
    names, others = ({(plain(a[1]), plain(b[1])) for a, b in one["columns"]} for one in (found, other))
    if names != others:  # what tells most answers apart, before every edge is held against every other one
        return False
    tables = equal(map(plain, found["sources"]), map(plain, other["sources"]), same)
    return tables and equal(found["columns"], other["columns"], same_edge)


def judges_tables(case: Answer) -> bool:
    return case["expected_sources"] is not None or case["expected_targets"] is not None


# parts


def bench_cases(data: Path, n: int | None = None) -> None:
    rows = []
    for suite in ("sqllineage", "openlineage"):
        cases = lines(data / "lineage" / f"{suite}.jsonl.gz")[:n]
        methods = {"headwater": {case["id"]: ours(case) for case in cases}, **peers(cases)}
        mixed = [case["id"] for case in cases]
        random.Random(1).shuffle(mixed)
        methods["control: answers shuffled"] = {c["id"]: methods["headwater"][i] for c, i in zip(cases, mixed, strict=True)}
        for name, found in methods.items():
            got = {case["id"]: found.get(case["id"], {"failed": "none"}) for case in cases}
            table = [case for case in cases if judges_tables(case)]
            column = [case for case in cases if case["expected_column_edges"] is not None]
            right = [case for case in table if tables_right(got[case["id"]], case)]
            exact = [case for case in column if columns_right(got[case["id"]], case)]
            rows.append([suite, name, *shares(len(right), len(table)), *shares(len(exact), len(column))])
            if name == "headwater":
                misses = {c["id"] for c in table} - {c["id"] for c in right} | {c["id"] for c in column} - {
                    c["id"] for c in exact
                }
        for miss in sorted(misses):
            print(f"missed: {miss}")
    print_table(["suite", "method", "table exact", "share", "column exact", "share"], rows)


def shares(right: int, of: int) -> list[str]:
    return [f"{right}/{of}", f"{right / max(1, of):.1%}"]


def bench_dbt(data: Path) -> None:
    wanted: dict[tuple[str, str], set[str]] = {}
    for edge in lines(data / "lineage" / "dbt_edges.jsonl.gz"):
        wanted.setdefault((edge["project"], edge["target"]), set()).add(edge["source"].lower())
    models = {(model["project"], model["target"]): model["sql"] for model in lines(data / "usage" / "dbt.jsonl.gz")}
    targets = list(wanted)
    other = dict(zip(targets, targets[1:] + targets[:1], strict=True))
    methods: dict[str, Callable[[str], set[str]]] = {
        "headwater, ref() and source() replaced first": lambda sql: read_sources(without_ref(sql)),
        "headwater, the template as it is": read_sources,
        "a regular expression for ref() and source()": by_regex,
    }
    rows = []
    for name, read in methods.items():
        got = {key: read(models[key]) for key in targets}
        rows.append([name, *rates(got, wanted)])
        if name.startswith("headwater, ref"):
            rows.append(["control: answers of the next model", *rates({key: got[other[key]] for key in targets}, wanted)])
    print_table(["method", "recall", "precision"], rows)


_REF = re.compile(r"\{\{-?\s*(ref|source)\s*\(([^)]*)\)\s*-?\}\}")


def without_ref(sql: str) -> str:
    def text(match: re.Match[str]) -> str:
        parts = re.findall(r"['\"]([^'\"]+)['\"]", match[2])
        return match[0] if not parts else ".".join(parts[:2]) if match[1] == "source" else parts[-1]

    return _REF.sub(text, sql)


def read_sources(sql: str) -> set[str]:
    return {source.lower() for source in read_script(Script(sql)).whole.sources}


def by_regex(sql: str) -> set[str]:
    found = set()
    for call, arguments in re.findall(r"\b(ref|source)\s*\(([^)]*)\)", sql):
        parts = re.findall(r"['\"]([^'\"]+)['\"]", arguments)
        if parts:
            found.add((".".join(parts[:2]) if call == "source" else parts[-1]).lower())
    return found


def rates(got: dict[Any, set[str]], wanted: dict[Any, set[str]]) -> list[str]:
    hits = sum(any(same(one, other) for other in got[key]) for key, ones in wanted.items() for one in ones)
    right = sum(any(same(one, other) for other in wanted[key]) for key in wanted for one in got[key])
    return [f"{hits / sum(map(len, wanted.values())):.4f}", f"{right / max(1, sum(len(got[key]) for key in wanted)):.4f}"]


def bench_variants(data: Path, n: int | None = None) -> None:
    rows = []
    for suite in ("sqllineage", "openlineage"):
        stable = total = made = enough = moved = 0
        cases = lines(data / "lineage" / f"{suite}.jsonl.gz")[:n]
        for at, case in enumerate(cases):
            script = Script(case["sql"], case.get("dialect") or "", case.get("schema") or {})
            base = answer(read_script(script).whole, {})
            try:
                found = list(variants(script, at))
            except Exception as error:  # noqa: BLE001 - a text that the parser cannot even tokenize has no variants
                print(f"no variants: {case['id']}: {type(error).__name__}")
                found = []
            changed = [v.name for v in found if answer(read_script(v.script).whole, v.words) != base]
            if changed:
                print(f"unstable: {case['id']}: {', '.join(changed)[:120]}")
            total, stable, made = total + 1, stable + (not changed), made + len(found)
            enough += len(found) >= 20
            # control: the same comparison against the answer of a case far away
            neighbour = cases[(at + len(cases) // 2) % len(cases)]
            moved += answer(read_script(Script(neighbour["sql"], neighbour["dialect"])).whole, {}) == base
        rows.append([suite, total, f"{made / total:.1f}", enough, f"{stable / total:.1%}", f"{moved / total:.1%}"])
    print_table(["suite", "cases", "variants a case", "cases with ≥ 20", "stable", "control: equal to another case"], rows)


def bench_truth(data: Path, n: int = 720) -> None:
    """Generated statements, two suites of queries and the demo's views, each beside the edges of another one, which must not cover
    what was seen.
    """
    tally, shuffled = Tally(), Tally()
    for part in range(6):
        statements = generated(n // 6, 100 + part)
        judge(statements, part, tally)
        judge(statements[:-1][:40], part, shuffled, said_of=statements[1:41])
    views, turned = judge_demo(Tally()), judge_demo(Tally(), rotate=1)
    rows = [
        _truth_row("generated", "headwater", tally),
        _truth_row("generated", "control: the next statement's edges", shuffled),
        *suite_rows(data, step=1 if n >= FEW else 10),
        _truth_row("the demo's views", "headwater", views),
        _truth_row("the demo's views", "control: the next view's edges", turned),
    ]
    print(f"{tally.refused} generated statements were refused by DuckDB, {tally.slow} left out because they take long")
    print_table(["statements", "edges", "n", "dependences seen", "covered", "direct edges", "of them seen"], rows)
    for line in [*(tally.missed or []), *(views.missed or [])][:10]:
        print("missed:", line[:300])


def suite_rows(data: Path, step: int) -> list[list[object]]:
    """TPC-DS and the join order benchmark, every `step`th query; every fifth of those by the edges of the next one (control)."""
    rows = []
    texts = {name: [one["sql"] for one in lines(data / "usage" / f"{name}.jsonl.gz")] for name in ("tpcds", "job")}
    queries = {"tpcds": readable(texts["tpcds"], ""), "job": readable(texts["job"], "postgres")}
    suites = (
        Suite("TPC-DS", "", queries["tpcds"], columns_by_prefix(queries["tpcds"])),
        Suite("the join order benchmark", "postgres", queries["job"], columns_by_alias(queries["job"], "postgres")),
    )
    for suite in suites:
        found = judge_suite(suite, Tally(), step=step)
        rows.append(_truth_row(suite.name, "headwater", found))
        turned = judge_suite(suite, Tally(), turned=1, step=5 * step)
        rows.append(_truth_row(suite.name, "control: the next query's edges", turned))
        print(f"{suite.name}: {len(suite.queries)} queries, {found.refused} refused by DuckDB")
        for line in (found.missed or [])[:10]:
            print("missed:", line[:300])
    return rows


def _truth_row(what: str, edges: str, tally: Tally) -> list[object]:
    counts = [tally.statements, tally.seen, f"{tally.coverage:.2%}", tally.direct, f"{tally.precision:.1%}"]
    return [what, edges, *counts]


def bench_speed(data: Path, n: int) -> None:
    """The open cases and a log's statements, read by every reader."""
    pool = [*lines(data / "lineage" / "sqllineage.jsonl.gz"), *lines(data / "lineage" / "openlineage.jsonl.gz")]
    pool += [
        {"id": f"q{at}", "sql": one["sql"], "dialect": "bigquery"}
        for at, one in enumerate(lines(data / "usage" / "bigquery_etl_early.jsonl.gz"))
    ]
    readers = [
        speed.Peer(name, python, peer_script(name))
        for name, folder in PEERS.items()
        if (python := interpreter(folder)).exists()
    ]
    if "sqllineage" in PEERS and interpreter(PEERS["sqllineage"]).exists():
        python = interpreter(PEERS["sqllineage"])
        readers.append(speed.Peer("sqllineage, non-validating", python, peer_script("sqllineage"), "non-validating"))
    speed.bench_speed(pool, ours, readers, n, alike)


def versions() -> None:
    for name, folder in PEERS.items():
        python = interpreter(folder)
        package = {"openlineage": "openlineage-sql", "datahub": "acryl-datahub"}.get(name, name)
        code = f"from importlib.metadata import version; print(version({package!r}))"
        if python.exists():
            told = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False).stdout.strip()
            print(f"{name}: {package} {told}, {folder}/bin/python bench/peers/{name}_peer.py, defaults")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench lineage")
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--peers", default=",".join(PEERS), help="which ones run beside")
    parser.add_argument("--mixed", type=int, default=2_000, help="statements whose reading is timed")
    parser.add_argument("--cases", type=int, help="of each suite, also for the variants; all of them unless it is said")
    parser.add_argument("--statements", type=int, default=720, help="generated, for truth by execution")
    arguments = parser.parse_args()
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL + 1)
    sys.setrecursionlimit(20_000)
    for name in set(PEERS) - set(arguments.peers.split(",")):
        del PEERS[name]
    versions()
    for part in arguments.only.split(","):
        print(f"\n## {part}\n")
        if part == "truth":
            bench_truth(arguments.data, arguments.statements)
        elif part in ("cases", "variants"):
            (bench_cases if part == "cases" else bench_variants)(arguments.data, arguments.cases)
        elif part == "speed":
            bench_speed(arguments.data, arguments.mixed)
        else:
            bench_dbt(arguments.data)
    print(machine(["sqlglot", "duckdb"]))
