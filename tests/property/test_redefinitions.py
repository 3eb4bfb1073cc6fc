"""A definition in other words means the same, and one that reads, keeps or computes something else does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Column
from services.common.model.schema_changes import MadeBy, Redefinition, RedefinitionRequest, Sameness
from services.lineage.sql.expressions import read_wording
from services.lineage.sql.script import Script
from services.lineage.sql.wording import Worded, Wording
from tests.support.lineage_cases import FOLDER, cases
from tests.support.lineage_variants import variants
from tests.support.lineages import Lineage, asset, name_of, sqlite_database

VIEW = "shop.sales.v"
TABLES = {
    "sales.orders": ("id", "customer", "paid", "billed", "state", "day"),
    "sales.customers": ("id", "name", "region", "since"),
    "sales.refunds": ("order_id", "amount", "day"),
    "hr.pay": ("id", "salary"),
}
DEFINITIONS = {
    "grouped": "SELECT c.region AS region, SUM(o.paid) AS amount, COUNT(o.id) AS n FROM sales.orders AS o "
    "JOIN sales.customers AS c ON c.id = o.customer WHERE o.state = 'paid' AND o.day > '2024-01-01' GROUP BY c.region",
    "plain": "SELECT o.id AS id, o.paid - o.billed AS owed, o.state AS state FROM sales.orders AS o WHERE o.paid > 0",
    "outer": "SELECT o.id AS id, COALESCE(r.amount, 0) AS refunded FROM sales.orders AS o "
    "LEFT JOIN sales.refunds AS r ON r.order_id = o.id",
    "ranked": "SELECT o.id AS id, ROW_NUMBER() OVER (PARTITION BY o.customer ORDER BY o.day) AS nth FROM sales.orders AS o",
    "nested": "WITH recent AS (SELECT o.customer AS customer, o.paid AS paid FROM sales.orders AS o WHERE o.day > '2024-01-01') "
    "SELECT c.name AS name, SUM(r.paid) AS spent FROM recent AS r JOIN sales.customers AS c ON c.id = r.customer GROUP BY c.name",
    "union": "SELECT o.id AS id, o.paid AS amount FROM sales.orders AS o "
    "UNION ALL SELECT r.order_id AS id, r.amount AS amount FROM sales.refunds AS r",
    "cased": "SELECT o.id AS id, CASE WHEN o.state = 'paid' THEN o.paid ELSE 0 END AS amount FROM sales.orders AS o",
    "top": "SELECT o.id AS id FROM sales.orders AS o ORDER BY o.paid DESC LIMIT 10",
}
CHANGES = [
    ("grouped", "o.paid", "o.billed", ["amount"], False),
    ("grouped", "SUM(", "AVG(", ["amount"], False),
    ("grouped", "c.region AS region", "c.name AS region", ["region"], False),
    ("grouped", "o.state = 'paid' AND ", "", [], True),
    ("grouped", "o.state = 'paid'", "o.state = 'open'", [], True),
    ("grouped", "o.day > ", "o.day >= ", [], True),
    ("grouped", " JOIN sales", " LEFT JOIN sales", [], True),
    ("grouped", "c.id = o.customer", "c.id = o.id", [], True),
    ("grouped", "SELECT c", "SELECT DISTINCT c", [], True),
    ("plain", "o.paid - o.billed", "o.billed - o.paid", ["owed"], False),
    ("plain", "o.paid > 0", "o.paid > 1", [], True),
    ("plain", " WHERE o.paid > 0", " CROSS JOIN sales.customers AS c WHERE o.paid > 0", [], True),
    ("outer", ", 0)", ", 1)", ["refunded"], False),
    ("outer", "LEFT JOIN", "JOIN", [], True),
    ("outer", "r.amount", "o.paid", ["refunded"], False),
    ("ranked", "o.customer", "o.state", ["nth"], False),
    ("ranked", "o.day", "o.day DESC", ["nth"], False),
    ("nested", "o.paid AS paid", "o.billed AS paid", ["spent"], False),
    ("nested", "o.paid AS paid", "o.paid * 2 AS paid", ["*"], False),
    ("nested", "2024", "2023", [], True),
    ("union", "UNION ALL", "UNION", [], True),
    ("union", "r.amount AS", "r.day AS", ["amount"], False),
    ("cased", "'paid'", "'open'", ["amount"], False),
    ("cased", "o.state = ", "o.day = ", ["amount"], False),
    ("top", "LIMIT 10", "LIMIT 20", [], True),
    ("top", "o.paid DESC", "o.billed DESC", [], True),
]


@pytest.fixture(scope="module")
def lineage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lineage]:
    made = Lineage(sqlite_database(Path(tmp_path_factory.mktemp("redefined"))))
    made.follow(
        *(asset(f"shop.{name}", columns=tuple(map(Column, columns))) for name, columns in TABLES.items()), asset(VIEW)
    )
    yield made
    made.database.close()


def compared(lineage: Lineage, before: str, after: str, scope: AccessScope = FULL_SCOPE, dialect: str = "") -> Redefinition:
    both = MadeBy(before, dialect), MadeBy(after, dialect)
    return lineage.walker.redefinition(RedefinitionRequest(name_of(VIEW), *both, scope))


@pytest.mark.parametrize("name", DEFINITIONS)
def test_other_words_for_the_same_are_no_change(lineage, name):
    """Laid out anew, with comments, re-cased, other aliases, sources wrapped; as a query and as the statement around it."""
    sql = DEFINITIONS[name]
    schema = {f"shop.{table}": columns for table, columns in TABLES.items()}
    script = Script(sql, "", schema, "shop", "sales")
    others = [one for one in variants(script) if not one.words and ";" not in one.script.sql]
    assert len(others) >= 12
    assert {"in a subquery", "in a WITH"} & {one.name for one in others}
    for one in others:
        for text in (one.script.sql, f"CREATE OR REPLACE VIEW sales.v AS\n{one.script.sql}"):
            found = compared(lineage, sql, text)
            assert found.state is Sameness.SAME, (one.name, text, found)


REWRITTEN = {"nested: Snowflake's FLATTEN and paths into JSON", "nested: columns of a file by their place"}
"""Where the variants' own writer makes a function of `a:b`."""


def test_no_golden_case_is_changed_by_other_words(lineage):
    """Every definition among them, in every variant: the same, or not known, as nobody knows their tables here; never a change."""
    found = Counter(
        compared(lineage, case.script.sql, one.script.sql, dialect=case.script.dialect).state
        for file in sorted(FOLDER.glob("*.sql"))
        for case in cases(file)
        if case.name not in REWRITTEN and isinstance(read_wording(Wording(case.script.sql, case.script.dialect)), Worded)
        for one in variants(case.script)
        if not one.words and "table" not in one.name
    )
    assert found[Sameness.CHANGED] == 0
    assert found[Sameness.SAME] >= 1_600
    assert found[Sameness.UNKNOWN] <= 0.1 * found.total()


@pytest.mark.parametrize("name", DEFINITIONS)
def test_names_that_change_are_seen_in_every_variant(lineage, name):
    """The control: what the variants rename is another table."""
    script = Script(DEFINITIONS[name], "", {}, "shop", "sales")
    renamed = [one for one in variants(script) if one.words]
    assert renamed
    for one in renamed:
        assert compared(lineage, DEFINITIONS[name], one.script.sql).state is Sameness.CHANGED


@pytest.mark.parametrize(("name", "old", "new", "columns", "rows"), CHANGES)
def test_a_real_change_is_told_in_every_variant(lineage, name, old, new, columns, rows):
    """Which columns, or that it is about rows alone: also where the new text is laid out, cased and commented otherwise."""
    before = DEFINITIONS[name]
    assert old in before
    after = before.replace(old, new)
    schema = {f"shop.{table}": listed for table, listed in TABLES.items()}
    script = Script(after, "", schema, "shop", "sales")
    texts = [one.script.sql for one in variants(script) if not one.words and ";" not in one.script.sql]
    for text in (after, *texts):
        found = compared(lineage, before, text)
        assert found.state is Sameness.CHANGED, text
        assert ([one.column for one in found.columns], found.rows) == (columns, rows), (text, found)


SAME_WORDS = {
    "which side of a subtraction": (
        "SELECT o.id AS id, o.day - r.day AS days FROM orders o JOIN refunds r ON r.order_id = o.id",
        "SELECT o.id AS id, r.day - o.day AS days FROM orders o JOIN refunds r ON r.order_id = o.id",
        (["days"], False),
    ),
    "which of two is taken first": (
        "SELECT coalesce(o.id, c.id) AS id FROM orders o FULL JOIN customers c ON c.id = o.customer",
        "SELECT coalesce(c.id, o.id) AS id FROM orders o FULL JOIN customers c ON c.id = o.customer",
        (["id"], False),
    ),
    "which is later": (
        "SELECT o.id AS id FROM orders o JOIN refunds r ON r.order_id = o.id WHERE o.day > r.day",
        "SELECT o.id AS id FROM orders o JOIN refunds r ON r.order_id = o.id WHERE o.day < r.day",
        ([], True),
    ),
    "which is later, of a query around": (
        "SELECT o.id AS id FROM orders o WHERE NOT EXISTS (SELECT 1 FROM orders n WHERE n.customer = o.customer AND n.day > o.day)",
        "SELECT o.id AS id FROM orders o WHERE NOT EXISTS (SELECT 1 FROM orders n WHERE n.customer = o.customer AND n.day < o.day)",
        ([], True),
    ),
    "which of two of the same table": (
        "SELECT e.id AS id, m.salary AS salary FROM hr.pay e LEFT JOIN hr.pay m ON m.id = e.salary",
        "SELECT e.id AS id, e.salary AS salary FROM hr.pay e LEFT JOIN hr.pay m ON m.id = e.salary",
        (["salary"], False),
    ),
    "which side keeps its rows": (
        "SELECT o.id AS id, c.region AS region FROM orders o LEFT JOIN customers c ON c.id = o.customer",
        "SELECT o.id AS id, c.region AS region FROM customers c LEFT JOIN orders o ON c.id = o.customer",
        ([], True),
    ),
    "which row is the first": (
        "SELECT DISTINCT ON (o.customer) o.customer AS customer, o.paid AS paid FROM orders o ORDER BY o.customer, o.day DESC",
        "SELECT DISTINCT ON (o.customer) o.customer AS customer, o.paid AS paid FROM orders o ORDER BY o.customer, o.day",
        ([], True),
    ),
    "a window by its name": (
        "SELECT o.id AS id, rank() OVER w AS n FROM orders o WINDOW w AS (PARTITION BY o.customer ORDER BY o.day)",
        "SELECT o.id AS id, rank() OVER w AS n FROM orders o WINDOW w AS (PARTITION BY o.customer ORDER BY o.day DESC)",
        (["n"], False),
    ),
    "where nulls are": (
        "SELECT o.id AS id, rank() OVER (ORDER BY o.day DESC NULLS LAST) AS n FROM orders o",
        "SELECT o.id AS id, rank() OVER (ORDER BY o.day DESC NULLS FIRST) AS n FROM orders o",
        (["n"], False),
    ),
    "how a key of JSON is spelled": (
        "SELECT o.id AS id, o.state ->> 'Net' AS net FROM orders o",
        "SELECT o.id AS id, o.state ->> 'net' AS net FROM orders o",
        (["net"], False),
    ),
    "which text is first": (
        "SELECT c.name + ' ' + c.region AS both FROM customers c",
        "SELECT c.region + ' ' + c.name AS both FROM customers c",
        (["both"], False),
    ),
}


@pytest.mark.parametrize("name", SAME_WORDS)
def test_the_same_words_of_the_same_columns_may_mean_something_else(lineage, name):
    """Columns of several tables that are called alike, sides of a join, what only an order decides: also where sources are wrapped."""
    before, after, told = SAME_WORDS[name]
    schema = {f"shop.{table}": columns for table, columns in TABLES.items()}
    for text in (before, after):
        for one in variants(Script(text, "postgres", schema, "shop", "sales")):
            if not one.words and ";" not in one.script.sql:
                same = compared(lineage, text, one.script.sql, dialect="postgres")
                assert same.state is Sameness.SAME, (one.name, one.script.sql, same)
    found = compared(lineage, before, after, dialect="postgres")
    assert found.state is Sameness.CHANGED
    assert ([one.column for one in found.columns], found.rows) == told


def test_a_value_that_star_replaces_is_compared(lineage):
    texts = [f"SELECT * REPLACE (paid * {by} AS paid) FROM orders" for by in (2, 3)]
    found = compared(lineage, *texts, dialect="bigquery")
    assert [one.column for one in found.columns] == ["paid"]
    assert compared(lineage, texts[0], texts[0].lower(), dialect="bigquery").state is Sameness.SAME


MOVED = {
    "a condition out of what an outer join may leave empty": (
        "SELECT o.id AS id, r.amount AS n FROM orders o LEFT JOIN (SELECT * FROM refunds WHERE day > 5) r ON r.order_id = o.id",
        "SELECT o.id AS id, r.amount AS n FROM orders o LEFT JOIN refunds r ON r.order_id = o.id WHERE r.day > 5",
    ),
    "constants between the parts of a union": (
        "SELECT id, 'a' AS part FROM orders WHERE paid = 1 UNION ALL SELECT id, 'b' AS part FROM customers",
        "SELECT id, 'a' AS part FROM customers UNION ALL SELECT id, 'b' AS part FROM orders WHERE paid = 1",
    ),
}


@pytest.mark.parametrize("name", MOVED)
def test_what_only_stands_in_another_query_is_not_known_to_be_the_same(lineage, name):
    assert compared(lineage, *MOVED[name], dialect="postgres").state is Sameness.UNKNOWN


def test_a_window_is_the_same_by_name_and_in_place(lineage):
    named = (
        "SELECT id, rank() OVER (w ORDER BY day) AS n FROM orders WINDOW v AS (ORDER BY id), w AS (PARTITION BY customer)"
    )
    in_place = "SELECT id, rank() OVER (PARTITION BY customer ORDER BY day) AS n FROM orders"
    assert compared(lineage, named, in_place, dialect="postgres").state is Sameness.SAME


def test_what_it_is_read_from_is_told_by_the_names_of_the_catalog(lineage):
    before = DEFINITIONS["grouped"]
    (column,) = compared(lineage, before, before.replace("SUM(o.paid)", "MAX(c.since)")).columns
    assert [(one.table.qualified, one.column, one.kind) for one in column.was] == [
        ("shop.sales.orders", "paid", "aggregation")
    ]
    assert [(one.table.qualified, one.column, one.kind) for one in column.now] == [
        ("shop.sales.customers", "since", "aggregation")
    ]
    found = compared(lineage, before, before.replace("o.state = 'paid' AND ", ""))
    assert [(one.table.qualified, one.column, one.kind) for one in found.rows_was] == [
        ("shop.sales.orders", "state", "filter")
    ]


BUILT_OTHERWISE = (
    """WITH x AS (SELECT id i, paid, billed FROM orders) SELECT o.id AS id, x.paid - x.billed AS owed, o.state AS state
    FROM orders o JOIN x ON x.i = o.id WHERE o.paid > 0""",
    """WITH q AS (SELECT id, paid a, billed b, state, paid FROM orders) SELECT q.id AS id, q.a - q.b AS owed, q.state AS state
    FROM q WHERE q.paid > 0""",
)


@pytest.mark.parametrize("after", BUILT_OTHERWISE)
def test_what_is_built_otherwise_of_the_same_is_never_called_safe_or_broken_by_guess(lineage, after):
    """The same columns, other queries around them: the answer may be a change or not known, and says which."""
    assert compared(lineage, DEFINITIONS["plain"], after).state is not Sameness.SAME


@pytest.mark.parametrize("which", ["before", "after"])
def test_a_text_that_cannot_be_read_is_not_known_and_not_quoted(lineage, which):
    texts = {"before": DEFINITIONS["plain"], "after": DEFINITIONS["plain"].replace("0", "1")} | {
        which: "SELECT secretx FRM y ("
    }
    found = compared(lineage, **texts)
    assert found.state is Sameness.UNKNOWN
    assert ("now" in found.problem, "new" in found.problem) == (which == "before", which == "after")
    assert "secretx" not in found.problem


def test_the_same_text_means_the_same_although_nobody_can_read_it(lineage):
    assert compared(lineage, "SELECT FRM (", " SELECT FRM (\n").state is Sameness.SAME


def test_what_postgresql_makes_of_a_text_is_that_text(lineage):
    """As pg_get_viewdef has it: every name written out, brackets and casts around constants."""
    written = (
        "SELECT region, count(*) AS n FROM sales.customers WHERE region IN ('eu', 'us') AND since BETWEEN 1 AND 9 GROUP BY 1"
    )
    kept = """ SELECT customers.region,
    count(*) AS n
   FROM sales.customers
  WHERE (((customers.region)::text = ANY ((ARRAY['us'::character varying, 'eu'::character varying])::text[])) AND
   ((customers.since >= 1) AND (customers.since <= 9)))
  GROUP BY customers.region;"""
    assert compared(lineage, kept, written, dialect="postgres").state is Sameness.SAME
    other = compared(lineage, kept, written.replace("'us'", "'de'"), dialect="postgres")
    assert (other.state, other.rows) == (Sameness.CHANGED, True)


WRITTEN_OUT = {
    "numbers": (
        "SELECT id, paid / 2 AS half, greatest(paid, 0) AS least FROM sales.orders WHERE paid > 5 AND 3 < billed",
        (
            "SELECT orders.id, (orders.paid / (2)::numeric) AS half, GREATEST(orders.paid, (0)::numeric) AS least FROM sales.orders "
            "WHERE ((orders.paid > (5)::numeric) AND ((3)::numeric < orders.billed));"
        ),
        ("(5)", "(6)"),
    ),
    "not in": (
        "SELECT id FROM sales.orders WHERE state NOT IN ('a', 'b')",
        (
            "SELECT orders.id FROM sales.orders WHERE ((orders.state)::text <> "
            "ALL ((ARRAY['a'::character varying, 'b'::character varying])::text[]));"
        ),
        ("'b'", "'c'"),
    ),
    "spans": (
        "SELECT id, day + interval '2 hours' AS till FROM sales.orders WHERE day > current_date - interval '1 month'",
        (
            "SELECT orders.id, (orders.day + '02:00:00'::interval) AS till FROM sales.orders "
            "WHERE (orders.day > (CURRENT_DATE - '1 mon'::interval));"
        ),
        ("'1 mon'", "'1 day'"),
    ),
    "joins in brackets": (
        (
            "SELECT o.id, coalesce(c.id, r.id) AS other FROM sales.orders o LEFT JOIN sales.customers c ON c.id = o.customer "
            "LEFT JOIN (SELECT order_id AS id, day FROM sales.refunds) r ON r.id = o.id"
        ),
        (
            "SELECT o.id, COALESCE(c.id, r.id) AS other FROM ((sales.orders o LEFT JOIN sales.customers c ON ((c.id = o.customer))) "
            "LEFT JOIN ( SELECT refunds.order_id AS id, refunds.day FROM sales.refunds) r ON ((r.id = o.id)));"
        ),
        ("LEFT JOIN (", "JOIN ("),
    ),
    "keys of JSON": (
        "SELECT id, state -> 'net' ->> 'sum' AS net FROM sales.orders",
        "SELECT orders.id, ((orders.state -> 'net'::text) ->> 'sum'::text) AS net FROM sales.orders;",
        ("'net'::text", "'Net'::text"),
    ),
    "a column of both sides": (
        "SELECT id, o.paid FROM sales.orders o JOIN sales.customers c USING (id)",
        "SELECT o.id, o.paid FROM (sales.orders o JOIN sales.customers c USING (id));",
        ("o.id", "o.customer AS id"),
    ),
    "the first few": (
        "SELECT id, trim(state) AS state FROM sales.orders FETCH FIRST 3 ROWS ONLY",
        "SELECT orders.id, TRIM(BOTH FROM orders.state) AS state FROM sales.orders LIMIT 3;",
        ("LIMIT 3", "LIMIT 4"),
    ),
    "months of days": (
        "SELECT date_trunc('month', o.day) AS m FROM sales.orders o",
        "SELECT date_trunc('month'::text, (o.day)::timestamp with time zone) AS m FROM sales.orders o;",
        ("'month'", "'year'"),
    ),
}


OF_OTHERS = {
    "mysql: rows are counted": (
        "SELECT state, count(*) AS n FROM sales.orders WHERE day < now() GROUP BY state",
        (
            "select `sales`.`orders`.`state` AS `state`,count(0) AS `n` from `sales`.`orders` "
            "where `sales`.`orders`.`day` < current_timestamp() group by `sales`.`orders`.`state`"
        ),
        ("count(0)", "count(`sales`.`orders`.`id`)"),
    ),
    "mysql: columns of both sides, and what is there": (
        (
            "SELECT id, o.paid FROM sales.orders o JOIN sales.customers c USING (id) "
            "WHERE EXISTS (SELECT 1 FROM sales.refunds r WHERE r.order_id = o.id)"
        ),
        (
            "select `o`.`id` AS `id`,`o`.`paid` AS `paid` from (`sales`.`orders` `o` join `sales`.`customers` `c` on(`o`.`id` = `c`.`id`)) "
            "where exists(select 1 from `sales`.`refunds` `r` where `r`.`order_id` = `o`.`id` limit 1)"
        ),
        ("where exists", "where not exists"),
    ),
    "mysql: windows": (
        "SELECT id, rank() OVER w AS n FROM sales.orders WINDOW w AS (PARTITION BY customer ORDER BY day DESC)",
        (
            "select `sales`.`orders`.`id` AS `id`,rank() over ( partition by `sales`.`orders`.`customer` "
            "order by `sales`.`orders`.`day` desc) AS `n` from `sales`.`orders`"
        ),
        (" desc)", ")"),
    ),
    "duckdb: cases and rows": (
        "SELECT id, CASE state WHEN 'a' THEN 1 ELSE 0 END AS k, count(*) AS n FROM sales.orders GROUP BY ALL",
        (
            "CREATE VIEW sales.v AS SELECT id, CASE  WHEN ((state = 'a')) THEN (1) ELSE 0 END AS k, count_star() AS n "
            "FROM sales.orders GROUP BY ALL;"
        ),
        ("THEN (1)", "THEN (2)"),
    ),
    "duckdb: in a query": (
        "SELECT id FROM sales.orders WHERE id NOT IN (SELECT order_id FROM sales.refunds WHERE amount > 3)",
        (
            "CREATE VIEW sales.v AS SELECT id FROM sales.orders "
            "WHERE (NOT (id = ANY(SELECT order_id FROM sales.refunds WHERE (amount > 3))));"
        ),
        ("(amount > 3)", "(amount > 4)"),
    ),
}


@pytest.mark.parametrize("name", OF_OTHERS)
def test_views_as_other_databases_write_them_out(lineage, name):
    written, kept, (old, new) = OF_OTHERS[name]
    dialect = name.split(":")[0]
    assert old in kept
    assert compared(lineage, kept, written, dialect=dialect).state is Sameness.SAME
    assert compared(lineage, kept, kept.replace(old, new, 1), dialect=dialect).state is Sameness.CHANGED


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_views_as_a_database_writes_them_out(lineage, name):
    """No false alarm, and the control: one thing of the text that is written out is another."""
    written, kept, (old, new) = WRITTEN_OUT[name]
    assert old in kept
    for text in (written, f"CREATE OR REPLACE VIEW sales.v AS {written}"):
        assert compared(lineage, kept, text, dialect="postgres").state is Sameness.SAME
    assert compared(lineage, kept, kept.replace(old, new, 1), dialect="postgres").state is Sameness.CHANGED


def test_which_columns_come_out_is_known_where_every_star_is(lineage):
    before = DEFINITIONS["plain"]
    known = compared(lineage, before, "WITH a AS (SELECT id, paid FROM sales.orders) SELECT *, 1 AS one FROM a")
    assert known.outputs == ("id", "paid", "one")
    assert compared(lineage, before, "SELECT * FROM sales.nobody_knows").outputs is None


def test_a_hidden_table_is_read_as_one_that_nobody_knows(lineage):
    """Whether it has a column called so can not be found out by a script."""
    scope = AccessScope(("*",), ("wh.shop.hr.*",))
    before = "SELECT o.id AS x FROM sales.orders AS o"
    answers = {
        name: compared(lineage, before, f"SELECT {name} AS x FROM sales.orders, hr.pay", scope)
        for name in ("salary", "nothing")
    }
    nowhere = {name: compared(lineage, before, f"SELECT {name} AS x FROM sales.orders, hr.gone", scope) for name in answers}
    shapes = [
        ([(one.column, len(one.was), len(one.now)) for one in found.columns], found.rows, found.problem, found.outputs)
        for found in (*answers.values(), *nowhere.values())
    ]
    assert len({repr(one) for one in shapes}) == 1
    assert compared(lineage, before, "SELECT * FROM hr.pay", scope).outputs is None
    assert compared(lineage, before, "SELECT * FROM hr.pay").outputs == ("id", "salary")


def test_a_request_goes_to_kept_columns_alone(lineage):
    request = RedefinitionRequest(
        name_of(VIEW),
        MadeBy("SELECT paid AS a, id AS b FROM sales.orders"),
        MadeBy("SELECT billed AS a FROM orders"),
        FULL_SCOPE,
    )
    assert [one.column for one in lineage.walker.redefinition(request).columns] == ["a", "b"]
    assert [one.column for one in lineage.walker.redefinition(replace(request, columns=("A",))).columns] == ["a"]
