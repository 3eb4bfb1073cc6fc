"""How well `confidence` of edges between columns tells right from wrong: hidden schemas, suites held out, a control.

`python -m bench lineage_confidence DATA [--fit] [--draws N] [--plot FILE]`. Cases with known truth lose the columns of 30 % of their tables, so
that there are wrong edges to find. Weights are fitted on all suites but one and judged on that one; `--fit` prints those
fitted on all, for `services/lineage/confidence.py`.
"""

from __future__ import annotations

import argparse
import math
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from bench.lineage import lines, plain, same
from bench.lineage_confidence_plot import Tenth, reliability_plot
from bench.lineage_confidence_tables import cells, table_cases, table_samples
from bench.lineage_suite_truth import columns_by_prefix
from bench.lineage_truth import SCHEMA, generated
from bench.report import machine, print_table
from services.common.model.names import DatasetName, Namespace, SqlPart
from services.lineage.columns import Link, View, script_of, told
from services.lineage.confidence import BIAS, WEIGHTS, Signs
from services.lineage.resolve import Resolved
from services.lineage.sql.extract import read_script
from services.lineage.sql.facts import ColumnEdge
from services.lineage.sql.script import Script

HIDDEN = 0.3
"""Of the tables of a case."""
SHUFFLES = 20
TOWARDS = np.array([0, *(1 if field.name == "listed" else -1 for field in fields(Signs))])
"""Which way each sign can speak, the bias any."""
NAMESPACE = Namespace("duckdb:///case")
DIRECT = ("identity", "transformation", "aggregation", "window", "conditional")


@dataclass(frozen=True)
class Case:
    """A text, the columns of its tables, and the pairs ((table, column), into) that are right; all in lower case.

    `own` are the columns of what it makes, in order, as a crawl would show them.
    """

    suite: str
    sql: str
    dialect: str
    schema: Mapping[str, Sequence[str]]
    truth: frozenset[tuple[tuple[str, str], str]]
    own: tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """One edge that was said: what was seen of how it was found, and whether it is right."""

    suite: str
    signs: Signs
    right: bool


# cases


def suite_cases(data: Path, name: str) -> Iterator[Case]:
    """Another project's cases: their authors' edges; where they name no schema, it is what those edges name."""
    for case in lines(data / "lineage" / f"{name}.jsonl.gz"):
        expected = case["expected_column_edges"]
        if not expected or len({target for _, (target, _) in expected}) > 1:
            continue
        truth = {((plain(table) or "", plain(column) or ""), plain(into) or "") for (table, column), (_, into) in expected}
        schema = {plain(table) or "": columns for table, columns in (case["schema"] or {}).items()}
        for (table, _), _ in truth:
            if table and not any(same(table, known) for known in schema):
                schema.setdefault(table, [])
        for (table, column), _ in sorted(truth):
            if table in schema and column not in schema[table]:
                schema[table] = [*schema[table], column]
        target = plain(expected[0][1][0])
        own = next((columns for table, columns in schema.items() if target and same(table, target)), None)
        own = own or dict.fromkeys(plain(into) or "" for _, (_, into) in expected)
        yield Case(name, case["sql"], case["dialect"] or "", schema, frozenset(truth), tuple(own))


def read_cases(suite: str, texts: Sequence[tuple[str, str]], schema: Mapping[str, Sequence[str]]) -> Iterator[Case]:
    """Texts of which all tables are known: what is read with all of their columns is taken as right."""
    for sql, dialect in texts:
        try:
            whole = read_script(Script(sql, dialect, schema)).whole
        except RecursionError:
            continue
        known = {name: columns for name in whole.sources if (columns := _columns(schema, name))}
        direct = [edge for edge in whole.column_edges if edge.kind.direct]
        if not direct or len(known) < len(whole.sources) or len(whole.targets) > 1:
            continue
        if any(edge.source is None or edge.column == "*" for edge in direct):
            continue
        if any(edge.column.lower() not in _columns(schema, edge.source) for edge in direct):
            continue
        truth = {((str(edge.source).lower(), edge.column.lower()), edge.into.lower()) for edge in direct}
        yield Case(
            suite,
            sql,
            dialect,
            {name.lower(): columns for name, columns in known.items()},
            frozenset(truth),
            _ordered(direct),
        )


def _ordered(edges: Sequence[ColumnEdge]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(edge.into.lower() for edge in edges))


def _columns(schema: Mapping[str, Sequence[str]], name: str | None) -> Sequence[str]:
    return next((columns for table, columns in schema.items() if same(plain(table), plain(name))), ())


def dbt_cases(data: Path) -> Iterator[Case]:
    """Models of real projects, with the columns that their authors wrote down; a project is a suite."""
    schemas: dict[str, dict[str, Sequence[str]]] = defaultdict(dict)
    for table in lines(data / "schemas" / "dbt.tables.jsonl.gz"):
        if table.get("columns"):
            schemas[table["database"]][table["name"].lower()] = [column["name"].lower() for column in table["columns"]]
    texts: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for model in lines(data / "usage" / "dbt.jsonl.gz"):
        sql = re.sub(r"\{\{\s*(?:ref|source)\((?:[^()]*,)?\s*['\"]([^'\"]+)['\"]\s*\)\s*\}\}", r"\1", model["sql"])
        place = re.search(r"/([a-z_]+?)\d*/models/", model["id"])
        project = "tuva" if model["id"].startswith("tuva") else f"spider2:{place[1]}" if place else ""
        texts[project].append((sql, ""))
    for project, found in texts.items():
        yield from read_cases(f"dbt {project.partition(':')[0]}", found, schemas[project])


def tpcds_cases(data: Path) -> Iterator[Case]:
    """Joins whose columns have no table written before them."""
    texts = [(query["sql"], "") for query in lines(data / "usage" / "tpcds.jsonl.gz")]
    return read_cases("tpcds", texts, columns_by_prefix([sql for sql, _ in texts]))


# samples


def samples(cases: Sequence[Case], draws: int, seed: int) -> list[Sample]:
    """Every edge between columns that is said with some of the schemas hidden, `draws` times a case."""
    found = []
    for number, case in enumerate(cases):
        for draw in range(draws):
            chance = random.Random(f"{seed} {number} {draw}")
            tables = {table: columns for table, columns in case.schema.items() if chance.random() >= HIDDEN}
            found.extend(_said(case, tables))
    return found


def _said(case: Case, known: Mapping[str, Sequence[str]]) -> Iterator[Sample]:
    plainly = read_script(Script(case.sql, case.dialect)).whole.sources
    names = {source: DatasetName(NAMESPACE, (source.lower(),)) for source in plainly}
    links = {
        tuple(SqlPart(part) for part in source.split(".")): Link(Resolved(name, (name,), sure=True))
        for source, name in names.items()
    }
    columns = {name.id: shown for source, name in names.items() if (shown := _columns(known, source))}
    view = View(DatasetName(NAMESPACE, ("the view",)), "view", links, columns)
    columns[view.name.id] = case.own
    script = script_of(view, case.sql, case.dialect)
    edges, _ = told(view, script, read_script(script))
    tables = {name.id: source.lower() for source, name in names.items()}
    for edge, signs in edges:
        if edge.kind in DIRECT and "*" not in (edge.column, edge.into):
            right = any(
                same(tables[edge.source], table) and (edge.column, edge.into) == (column, into)
                for (table, column), into in case.truth
            )
            yield Sample(case.suite, signs, right)


# fitting and judging


def fit(found: Sequence[Sample], labels: np.ndarray | None = None, ridge: float = 1.0) -> np.ndarray:
    """Bias and weights of a logistic regression; every suite counts alike.

    A sign whose weight would speak the wrong way (a column in its table's list cannot be less sure) gets none, and the others are
    fitted again.
    """
    x = _matrix(found)
    y = np.array([one.right for one in found], float) if labels is None else labels
    count: dict[str, int] = defaultdict(int)
    for one in found:
        count[one.suite] += 1
    weight = np.array([len(found) / len(count) / count[one.suite] for one in found])
    used = np.ones(x.shape[1], bool)
    while True:
        beta = np.zeros(x.shape[1])
        beta[used] = _newton(x[:, used], y, weight, ridge)
        wrong = (beta * TOWARDS < 0) & used
        if not wrong.any():
            return beta
        used &= ~wrong


def _newton(x: np.ndarray, y: np.ndarray, weight: np.ndarray, ridge: float) -> np.ndarray:
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ beta))
        slope = x.T @ (weight * (y - p)) - ridge * np.r_[0, beta[1:]]
        curve = (x * (weight * p * (1 - p))[:, None]).T @ x + ridge * np.eye(x.shape[1])
        step = np.linalg.solve(curve, slope)
        beta += step
        if np.abs(step).max() < 1e-8:
            break
    return beta


def _matrix(found: Sequence[Sample]) -> np.ndarray:
    return np.array([[1.0, *astuple(one.signs)] for one in found])


def predicted(beta: np.ndarray, found: Sequence[Sample]) -> np.ndarray:
    return 1 / (1 + np.exp(-_matrix(found) @ beta))


def brier_skill(p: np.ndarray, y: np.ndarray, constant: float) -> float:
    """1 - the mean square error over that of always saying `constant`."""
    return float(1 - np.mean((p - y) ** 2) / np.mean((constant - y) ** 2))


def auroc(p: np.ndarray, y: np.ndarray) -> float:
    """The chance that a right edge has more confidence than a wrong one; half where they have as much."""
    order = np.argsort(p, kind="stable")
    ranks = np.empty(len(p))
    _values, inverse, counts = np.unique(p[order], return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks[order] = (ends - (counts - 1) / 2)[inverse]
    right = y.sum()
    return (
        float((ranks[y == 1].sum() - right * (right + 1) / 2) / (right * (len(y) - right)))
        if 0 < right < len(y)
        else math.nan
    )


def held_out(found: Sequence[Sample], *, shuffled: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """What each suite is told by weights fitted on the others, and what is right; `shuffled` deals the labels anew first."""
    y = np.array([one.right for one in found], float)
    if shuffled is not None:
        y = np.random.default_rng(shuffled).permutation(y)
    p = np.zeros(len(found))
    for suite in sorted({one.suite for one in found}):
        mine = np.array([one.suite == suite for one in found])
        beta = fit([one for one in found if one.suite != suite], y[~mine])
        p[mine] = predicted(beta, [one for one in found if one.suite == suite])
    return p, y


def reliability(p: np.ndarray, y: np.ndarray) -> list[list[str]]:
    """By tenths of confidence: how many edges, what they were told, and how many are right."""
    rows = []
    for low in np.arange(0, 1, 0.1):
        at = (p >= low) & ((p < low + 0.1) | (low > 0.85))
        if at.any():
            rows.append([f"{low:.1f} – {low + 0.1:.1f}", f"{at.sum():,}", f"{p[at].mean():.3f}", f"{y[at].mean():.3f}"])
    return rows


def bench_tables(data: Path, draws: int, seed: int) -> None:
    """The same of edges between tables; the control deals what is right anew."""
    found = table_samples(list(table_cases(data)), draws, seed)
    p, y = (np.array([getattr(one, name) for one in found], float) for name in ("confidence", "right"))
    shuffled = [np.random.default_rng(number).permutation(y) for number in range(SHUFFLES)]
    print(f"\nbetween tables: {len(found):,} edges, {1 - y.mean():.1%} wrong")
    rows = [_row("as shipped", [(p, y)]), _row(f"control: labels shuffled, mean of {SHUFFLES}", [(p, q) for q in shuffled])]
    print_table(["rule", "Brier skill against the constant", "AUROC right against wrong"], rows)
    print()
    print_table(["table", "text understood", "edges", "confidence", "right"], cells(found))


def tenths(p: np.ndarray, y: np.ndarray) -> list[Tenth]:
    """What was told and what is right, by tenths of confidence; those without an edge are left out."""
    at = np.minimum((p * 10).astype(int), 9)
    return [
        Tenth(int(mine.sum()), float(p[mine].mean()), float(y[mine].mean()))
        for low in range(10)
        if (mine := at == low).any()
    ]


def _row(name: str, several: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[str]:
    skill = np.mean([brier_skill(p, y, float(y.mean())) for p, y in several])
    return [name, f"{skill:.3f}", f"{np.mean([auroc(p, y) for p, y in several]):.3f}"]


def main() -> None:
    """Print what is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--fit", action="store_true", help="print weights fitted on all suites")
    parser.add_argument("--draws", type=int, default=3, help="how often each case's schemas are hidden anew")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the reliability of the shipped weights as SVG")
    arguments = parser.parse_args()
    cases = [
        *suite_cases(arguments.data, "sqllineage"),
        *suite_cases(arguments.data, "openlineage"),
        *dbt_cases(arguments.data),
        *tpcds_cases(arguments.data),
        *read_cases("generated", [(sql, "duckdb") for sql in generated(300, arguments.seed)], SCHEMA),
    ]
    found = samples(cases, arguments.draws, arguments.seed)
    y = np.array([one.right for one in found], float)
    print(machine(["sqlglot", "numpy"]))
    by_suite = defaultdict(list)
    for one in found:
        by_suite[one.suite].append(one)
    p, _ = held_out(found)
    shipped = predicted(np.array([BIAS, *astuple(WEIGHTS)]), found)
    print(
        f"{len(cases)} cases, {HIDDEN:.0%} of their tables' columns hidden, {len(found):,} edges, {1 - y.mean():.1%} wrong\n"
    )
    rows = []
    at = {suite: np.array([one.suite == suite for one in found]) for suite in by_suite}
    for suite, members in at.items():
        rows.append([suite, f"{members.sum():,}", f"{1 - y[members].mean():.1%}", f"{auroc(p[members], y[members]):.3f}"])
    print_table(["suite", "edges", "wrong", "AUROC, held out"], rows)
    print()
    rows = [_row(name, [(q, y)]) for name, q in (("held out", p), ("as shipped", shipped))]
    control = [held_out(found, shuffled=number) for number in range(SHUFFLES)]
    rows.append(_row(f"control: labels shuffled, mean of {SHUFFLES}", control))
    print_table(["weights", "Brier skill against the constant", "AUROC right against wrong"], rows)
    print("\nheld out:")
    print_table(["confidence", "edges", "mean", "right"], reliability(p, y))
    print("\nas shipped:")
    print_table(["confidence", "edges", "mean", "right"], reliability(shipped, y))
    bench_tables(arguments.data, arguments.draws, arguments.seed)
    if arguments.plot is not None:
        arguments.plot.write_text(reliability_plot(tenths(shipped, y)), encoding="utf-8")
    if arguments.fit:
        beta = fit(found)
        names = [field.name for field in fields(Signs)]
        print(f"\nBIAS = {beta[0]:.2f}")
        print(f"WEIGHTS = Signs({', '.join(f'{name}={value:.2f}' for name, value in zip(names, beta[1:], strict=True))})")


if __name__ == "__main__":
    main()
