"""The sample warehouse is as large, as messy and as consistent as its readers are told, and its query log runs on it."""

import itertools
import json
import re
import shutil
from collections import defaultdict
from datetime import datetime, timedelta

import duckdb
import pytest

from services.common.errors import Conflict
from services.demo import warehouse
from services.demo.query_log import LAST_DAY, weeks_until, write_query_log
from services.demo.warehouse import SCHEMA_FILES, build_warehouse

DECOY = re.compile(r"_bak$|_old$|_\d{8}$|^tmp_")


@pytest.fixture(scope="module")
def retail(tmp_path_factory):
    """The file, built once."""
    path = tmp_path_factory.mktemp("demo") / "retail.duckdb"
    build_warehouse(path)
    return path


@pytest.fixture(scope="module")
def db(retail):
    """A read-only connection."""
    with duckdb.connect(str(retail), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """The log's lines, parsed."""
    path = tmp_path_factory.mktemp("log") / "queries.jsonl"
    count = write_query_log(path, database="retail")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == count
    return lines


def _relations(db, function):
    kind = "view" if function == "duckdb_views" else "table"
    return db.execute(f"SELECT schema_name, {kind}_name FROM {function}() WHERE NOT internal ORDER BY ALL").fetchall()


def _one(db, sql):
    return db.execute(sql).fetchone()[0]


def _by_user(log):
    lines = defaultdict(list)
    for line in log:
        lines[line["user"]].append(line)
    return lines


def test_it_has_the_promised_size(db):
    """At least 60 tables, 15 views and 6 schemas, with keys of both kinds."""
    tables, views = _relations(db, "duckdb_tables"), _relations(db, "duckdb_views")
    assert len(tables) >= 60
    assert len(views) >= 15
    assert {schema for schema, _ in tables} == set(SCHEMA_FILES)
    assert len(SCHEMA_FILES) >= 6
    assert _one(db, "SELECT count(*) FROM duckdb_constraints() WHERE constraint_type = 'FOREIGN KEY'") >= 80
    assert _one(db, "SELECT count(*) FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY'") >= 100


def test_it_has_decoys(db):
    """Copies, dated copies and leftovers, and equal names in several schemas."""
    tables = _relations(db, "duckdb_tables")
    assert sum(bool(DECOY.search(name)) for _, name in tables) >= 15
    schemas_of = defaultdict(set)
    for schema, name in tables:
        schemas_of[name].add(schema)
    shared = {name for name, schemas in schemas_of.items() if len(schemas) > 1}
    assert shared >= {"orders", "payments", "segments", "customers", "reviews"}


def test_comments_are_patchy(db):
    """Most tables have one, a good part has none; of the columns only some have; lengths run from a word to a sentence."""
    tables = _one(db, "SELECT avg((comment IS NOT NULL)::INT) FROM duckdb_tables()")
    views = _one(db, "SELECT avg((comment IS NOT NULL)::INT) FROM duckdb_views() WHERE NOT internal")
    columns = _one(db, "SELECT avg((comment IS NOT NULL)::INT) FROM duckdb_columns() WHERE NOT internal")
    assert 0.5 < tables < 0.8
    assert 0.5 < views < 0.8
    assert 0.05 < columns < 0.3
    lengths = [
        len(text) for (text,) in db.execute("SELECT comment FROM duckdb_tables() WHERE comment IS NOT NULL").fetchall()
    ]
    assert min(lengths) < 8
    assert max(lengths) > 60


def test_some_comments_are_wrong(db):
    """What a comment says and what the rows say differ, as in any old warehouse."""

    def said(schema, table):
        return _one(db, f"SELECT comment FROM duckdb_tables() WHERE schema_name = '{schema}' AND table_name = '{table}'")

    assert said("inventory", "depots").startswith("the two warehouses")
    assert _one(db, "SELECT count(*) FROM inventory.depots") == 3
    assert said("web", "visitors") == "one row per session"
    assert _one(db, "SELECT count(*) FROM web.visitors") < _one(db, "SELECT count(*) FROM web.sessions")
    assert said("crm", "loyalty_tiers") == "Bronze, Silver, Gold"
    assert _one(db, "SELECT count(*) FROM crm.loyalty_tiers WHERE tier_cd IN ('BRONZE', 'SILVER', 'GOLD')") == 0


def test_every_table_and_view_has_rows(db):
    """Nothing is empty, and every view runs."""
    relations = _relations(db, "duckdb_tables") + _relations(db, "duckdb_views")
    empty = [(schema, name) for schema, name in relations if not _one(db, f'SELECT count(*) FROM {schema}."{name}"')]
    assert empty == []


def test_the_larger_tables_are_large(db):
    """At least 20 tables hold a thousand rows or more."""
    sizes = [_one(db, f'SELECT count(*) FROM {schema}."{name}"') for schema, name in _relations(db, "duckdb_tables")]
    assert sum(size >= 1000 for size in sizes) >= 20


def test_the_view_of_monthly_revenue_per_customer_agrees_with_the_orders(db):
    """The first question of the README has a true answer."""
    apart = """
        SELECT count(*) FROM mart.cust_revenue_mth v FULL JOIN (
          SELECT cust_id, date_trunc('month', ord_dt)::DATE AS mth, sum(net_amt) AS amt
          FROM sales.orders WHERE status <> 'CANCELLED' GROUP BY ALL
        ) o ON o.cust_id = v.cust_id AND o.mth = v.rev_mth
        WHERE o.amt IS DISTINCT FROM v.net_amt"""
    assert _one(db, apart) == 0
    assert _one(db, "SELECT count(DISTINCT rev_mth) FROM mart.cust_revenue_mth") == 24


def test_amounts_and_people_agree_across_schemas(db):
    """Orders equal their lines, the ledger balances, and ids that no key can guard point at someone who was there."""
    orders = """
        SELECT count(*) FROM sales.orders o
        JOIN (SELECT order_id, sum(line_total) AS amt FROM sales.order_lines GROUP BY order_id) l ON l.order_id = o.order_id
        WHERE l.amt <> o.net_amt"""
    assert _one(db, orders) == 0
    assert _one(db, "SELECT sum(dr_amt) - sum(cr_amt) FROM finance.gl_entries") == 0
    assert _one(db, "SELECT count(*) FROM sales.orders o ANTI JOIN crm.customers c ON c.cust_id = o.cust_id") == 0
    too_early = (
        "SELECT count(*) FROM sales.orders o JOIN crm.customers c ON c.cust_id = o.cust_id WHERE o.ord_dt < c.joined_on"
    )
    assert _one(db, too_early) == 0
    assert _one(db, "SELECT count(*) FROM sales.order_lines l ANTI JOIN inventory.skus k ON k.sku = l.sku") == 0
    assert _one(db, "SELECT count(*) FROM logistics.shipments s ANTI JOIN sales.orders o ON o.order_id = s.order_id") == 0
    assert _one(db, "SELECT max(ord_dt) FROM sales.orders") == LAST_DAY


def test_two_builds_hold_the_same_rows(db, tmp_path):
    """Every draw depends on its key alone."""
    build_warehouse(tmp_path / "retail.duckdb")
    with duckdb.connect(str(tmp_path / "retail.duckdb"), read_only=True) as again:
        for schema, name in _relations(db, "duckdb_tables"):
            digest = f'SELECT bit_xor(hash(t)), count(*) FROM {schema}."{name}" t'
            assert db.execute(digest).fetchone() == again.execute(digest).fetchone(), (schema, name)


def test_building_again_leaves_the_file_alone(retail):
    """The same build is found and kept, byte for byte."""
    before = retail.stat()
    build_warehouse(retail)
    after = retail.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_nothing_else_is_overwritten(retail, tmp_path):
    """Another file, another database and another version of the sample are refused and stay."""
    text = tmp_path / "notes.duckdb"
    text.write_text("not a database")
    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute("CREATE TABLE kept (i INTEGER)")
    older = tmp_path / "older.duckdb"
    shutil.copy(retail, older)
    with duckdb.connect(str(older)) as connection:
        connection.execute("CREATE OR REPLACE MACRO sample_version() AS '000000000000'")
    for path in (text, other, older):
        before = path.read_bytes()
        with pytest.raises(Conflict, match="move it away"):
            build_warehouse(path)
        assert path.read_bytes() == before


def test_a_failed_build_leaves_nothing_behind(tmp_path, monkeypatch):
    """The file appears whole or not at all."""

    def fail(connection, read_sql):
        raise duckdb.IOException("disk full")

    monkeypatch.setattr(warehouse, "fill_tables", fail)
    with pytest.raises(duckdb.IOException):
        build_warehouse(tmp_path / "retail.duckdb")
    assert list(tmp_path.iterdir()) == []


def test_the_log_is_long_and_the_same_every_time(log, tmp_path):
    """At least 600 queries in the documented shape, in order of time, inside four weeks, byte-equal when written again."""
    assert len(log) >= 600
    shape = {"sql", "user", "at", "dialect", "database", "schema", "duration_ms"}
    assert all(set(line) == shape and line["dialect"] == "duckdb" and line["database"] == "retail" for line in log)
    times = [datetime.fromisoformat(line["at"]) for line in log]
    assert times == sorted(times)
    assert all(time.utcoffset() == timedelta(hours=1) for time in times)
    assert LAST_DAY - timedelta(days=28) < times[0].date() <= times[-1].date() <= LAST_DAY
    assert all(line["duration_ms"] > 0 for line in log)
    paths = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    for path in paths:
        write_query_log(path, database="retail")
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_log_can_end_whole_weeks_later(log, tmp_path):
    """Only the dates move, by weeks, and the last day comes before the day that is asked for."""
    today = LAST_DAY + timedelta(days=100)
    weeks = weeks_until(today)
    write_query_log(tmp_path / "later.jsonl", database="retail", weeks_later=weeks)
    later = [json.loads(line) for line in (tmp_path / "later.jsonl").read_text().splitlines()]
    assert [{**line, "at": ""} for line in later] == [{**line, "at": ""} for line in log]
    moved = {datetime.fromisoformat(b["at"]) - datetime.fromisoformat(a["at"]) for a, b in zip(log, later, strict=True)}
    assert moved == {timedelta(weeks=14)}
    assert timedelta(0) < today - datetime.fromisoformat(later[-1]["at"]).date() <= timedelta(days=8)
    assert weeks_until(LAST_DAY) == weeks_until(LAST_DAY - timedelta(days=50)) == 0


def test_people_have_habits_and_bots_a_beat(log):
    """A dozen people, each with a few queries of their own in working hours; two bots that run more, at equal distances."""
    users = _by_user(log)
    people = {user: lines for user, lines in users.items() if not user.startswith("svc_")}
    bots = {user: lines for user, lines in users.items() if user.startswith("svc_")}
    assert len(people) >= 12
    assert len(bots) == 2
    assert min(map(len, bots.values())) > 2 * max(map(len, people.values()))
    shapes = {user: {re.sub(r"\d+", "0", line["sql"]) for line in lines} for user, lines in people.items()}
    assert all(3 <= len(kinds) <= 12 for kinds in shapes.values())
    assert all(not shapes[a] & shapes[b] for a, b in itertools.combinations(shapes, 2))
    for lines in bots.values():
        by_day = defaultdict(list)
        for line in lines:
            time = datetime.fromisoformat(line["at"])
            by_day[time.date()].append(time.timetz())
        days = list(by_day.values())
        assert all(day == days[0] for day in days)
    asleep = [line["at"] for lines in people.values() for line in lines if datetime.fromisoformat(line["at"]).hour < 6]
    assert asleep == []


def test_a_sample_of_the_log_runs(log, retail, tmp_path):
    """Sixty queries and more, some of every user, run on a copy, the bots' writes included."""
    sample = []
    for lines in _by_user(log).values():
        distinct = list({(line["sql"], line["schema"]): line for line in lines}.values())
        sample += distinct[:: max(1, len(distinct) // 8)]
    assert len(sample) >= 60
    copy = tmp_path / "retail.duckdb"
    shutil.copy(retail, copy)
    with duckdb.connect(str(copy)) as connection:
        for line in sample:
            connection.execute("BEGIN")
            connection.execute(f"SET schema = 'retail.{line['schema']}'")
            connection.execute(line["sql"]).fetchall()
            connection.execute("ROLLBACK")
