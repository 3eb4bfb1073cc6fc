"""The command line from outside: what it prints where, and how it ends. Every test runs real processes."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.cli.main import build_parser
from services.common.model.access import FULL_SCOPE
from services.common.model.events import Delivery, job_id
from services.common.runtime.settings import Settings
from services.workspace import Workspace
from tests.journey.conftest import Demo
from tests.support.commands import Done, command, environment, hw, simple_table, write_metadata
from tests.support.events import dataset, run_event

QUESTIONS = Path(__file__).parents[2] / "services" / "demo" / "questions.jsonl"
COUNTS = {"found", "added", "changed", "unchanged", "gone", "unseen", "held"}
REPORT = {"source", "state", "tables", "texts_encoded", "statements", "seconds", "failures"}
SECRET = "hunter2-and-more"
READING = (
    ("search", "orders"),
    ("related", "orders"),
    ("similar", "orders"),
    ("eval-usage", "given.jsonl"),
    ("unused",),
    ("lineage", "orders"),
    ("impact", "orders"),
    ("check", "--ddl", "given.jsonl"),
    ("history", "orders"),
    ("export", "-"),
    ("import", "given.jsonl"),
    ("eval", "given.jsonl"),
    ("searches",),
    ("train-ranker", "given.jsonl"),
    ("feedback", "export", "out.json"),
    ("verify",),
    ("crawls",),
    ("renames",),
    ("vocabulary",),
    ("bundle", "export", "out"),
)
"""Commands that need a home; `import` has nothing to say anything of without one."""
BEGINNING = {"demo", "init", "crawl", "serve", "db", "doctor", "grants", "lineage-sql"}
"""Those that may be the first of a home, look themselves what is there, or need none."""


def commands() -> set[str]:
    """The names of all commands."""
    (chosen,) = (action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction))
    return set(chosen.choices)


def pasted(demo: Demo) -> list[str]:
    """The lines of the demo that are meant to be typed."""
    return [line.strip() for line in demo.ran.err.splitlines() if " search --home " in line]


class TestFrontDoor:
    """What is said before any command runs."""

    def test_help_is_quick(self) -> None:
        """All commands are named, and nobody waits for a library: a tenth of what a command takes, five times over."""
        begun = time.monotonic()
        shown = hw("--help")

        assert time.monotonic() - begun < 10
        assert shown.code == 0
        for name in ("demo", "init", "crawl", "serve", "search", "lineage", "eval", "verify", "doctor", "db"):
            assert re.search(rf"^    {name}\b", shown.out, re.MULTILINE)
        assert "0 done, 1 failed, 2 wrong use, 3 done in part" in " ".join(shown.out.split())

    @pytest.mark.parametrize(
        "arguments", [["polish"], ["crawl", "--fast"], ["search"], ["lineage", "a", "--up", "--down"], []]
    )
    def test_wrong_use(self, quick: Callable[..., Done], tmp_path: Path, arguments: list[str]) -> None:
        assert quick(*arguments, cwd=tmp_path).code == 2

    def test_wrong_use_is_the_exit_code(self) -> None:
        assert hw("polish").code == 2

    def test_version(self, quick: Callable[..., Done], tmp_path: Path) -> None:
        assert re.fullmatch(r"headwater \d+\.\d+\.\d+\S*\n", quick("--version", cwd=tmp_path).out)


class TestDemo:
    """`headwater demo --no-serve`, and what can be asked of its home."""

    def test_says_what_it_did(self, demo: Demo) -> None:
        """The home, the crawl and three questions that can be pasted; nothing on standard output."""
        said = demo.ran.err.splitlines()

        assert said[0] == f"home: {demo.home} (nothing in it yet)"
        assert re.search(r"demo: complete, 191 tables and views \(191 added", demo.ran.err)
        assert len(pasted(demo)) == 3
        assert demo.ran.out == ""

    def test_search(self, demo: Demo) -> None:
        """A question that it printed can be pasted, and is answered with reasons and the first answer's lineage."""
        ran = subprocess.run(
            pasted(demo)[0],
            shell=True,
            env=environment(),
            cwd=demo.home.parent,
            capture_output=True,
            check=False,
        )
        found = Done(ran.returncode, ran.stdout.decode(), ran.stderr.decode())

        assert found.code == 0
        assert found.err.startswith(f"home: {demo.home}\n")
        assert re.match(r" 1\. retail\.mart\.cust_revenue_mth  \(view, score ", found.out)
        assert "has the word" in found.out
        assert re.search(r"made from: .*retail\.mart\.fct_sales", found.out)

    def test_search_with_the_real_model(self, demo: Demo, tmp_path: Path) -> None:
        """A home indexed with one model and asked with another is answered by the one before; without its index by words."""
        home = demo.copy(tmp_path)
        asked = ("search", "--json", "-k", "3", "takings by shopper")

        before, found = hw(*asked, home=home), hw(*asked, home=home, HEADWATER_MODEL="all-MiniLM-L6-v2")

        assert (found.code, found.json["mode"], found.json["degraded"]) == (0, "hybrid", [])
        assert found.json["hits"] == before.json["hits"]
        shutil.rmtree(home / "index")
        found = hw(*asked, home=home, HEADWATER_MODEL="all-MiniLM-L6-v2")
        assert (found.code, found.json["mode"], len(found.json["hits"])) == (0, "lexical", 3)
        assert found.json["degraded"]

    def test_a_misspelt_question_says_what_it_was_read_as(self, demo: Demo, quick: Callable[..., Done]) -> None:
        """To people beside the answer, to programs in it."""
        told = quick("search", "-k", "1", "revenue per custmer", home=demo.home)
        found = quick("search", "--json", "-k", "1", "revenue per custmer", home=demo.home)

        assert "read 'custmer' as 'customer'" in told.err.splitlines()
        assert found.json["understood"]["corrections"] == [{"word": "custmer", "read_as": "customer"}]

    def test_search_by_kind(self, demo: Demo, quick: Callable[..., Done]) -> None:
        found = quick("search", "--json", "--kind", "column", "-k", "5", "loyalty number", home=demo.home)

        assert [hit["kind"] for hit in found.json["hits"]] == ["column"] * 5

    def test_search_for_jobs(self, tmp_path: Path, quick: Callable[..., Done]) -> None:
        """What events told a server of jobs is found without one, and printed with the id that `GET /jobs/{id}` takes."""
        home = tmp_path / "home"
        assert quick("init", home=home).code == 0
        space = Workspace(Settings(home=home, model="hashing"))
        try:
            event = run_event("COMPLETE", "2026-11-01T10:00:00Z", job="load_orders", inputs=[dataset("shop.public.orders")])
            space.lineage.events.accept(Delivery(json.dumps(event), scope=FULL_SCOPE))
        finally:
            space.close()

        found = quick("search", "--json", "--kind", "job", "orders", home=home)
        printed = quick("search", "--kind", "job", "load_orders", home=home)

        assert [(hit["kind"], hit["name"]) for hit in found.json["hits"]] == [("job", "load_orders")]
        assert f"airflow.load_orders  (job {job_id('airflow', 'load_orders')}" in printed.out
        id_ = job_id("airflow", "load_orders")
        for arguments in (("lineage", "load_orders"), ("lineage", "airflow.load_orders"), ("impact", id_), ("similar", id_)):
            told = quick(*arguments, home=home)
            assert told.code == 1
            assert "airflow.load_orders is a job, not an asset: it reads shop.public.orders and writes nothing" in told.err
            assert f"GET /api/v1/jobs/{id_}" in told.err
        assert "no table is called load" in quick("lineage", "load", home=home).err
        assert "this is its name" in printed.out

    @pytest.mark.parametrize(
        "arguments", [["search", "x", "-k", "0"], ["search", "x", "--kind", "idea"], ["lineage", "orders", "--depth", "0"]]
    )
    def test_bounds(self, demo: Demo, quick: Callable[..., Done], arguments: list[str]) -> None:
        refused = quick(*arguments, home=demo.home)

        assert refused.code == 2
        assert refused.err.splitlines()[-1].startswith("headwater: -")

    def test_lineage(self, demo: Demo, quick: Callable[..., Done]) -> None:
        """The end of a name is enough; what it is made from is up, and there is nothing down."""
        shown = quick("lineage", "v_customer_360", home=demo.home)

        assert shown.code == 0
        assert re.search(r"asked +retail\.crm\.v_customer_360 +\(view\)", shown.out)
        assert "retail.sales.orders → retail.crm.v_customer_360  [view]" in shown.out

    def test_lineage_as_json(self, demo: Demo, quick: Callable[..., Done]) -> None:
        shown = quick("lineage", "retail.crm.v_customer_360", "--up", "--depth", "1", "--json", home=demo.home)

        assert {node["qualified_name"]: node["depth"] for node in shown.json["nodes"]} == {
            "retail.crm.v_customer_360": 0,
            "retail.crm.customers": -1,
            "retail.crm.loyalty_acct": -1,
            "retail.crm.tickets": -1,
            "retail.sales.orders": -1,
        }
        # a job of the query log fills orders from staging, which is one step further
        assert (shown.json["total"], shown.json["truncated"], shown.json["state"]) == (5, True, "complete")
        into = [edge for edge in shown.json["edges"] if edge["to"] == shown.json["nodes"][0]["id"]]
        assert {edge["kind"] for edge in into} == {"view"}
        assert len(into) == 4

    def test_lineage_of_a_column(self, demo: Demo, quick: Callable[..., Done]) -> None:
        """What a name is put together from, as text and as JSON; what only decides about rows is told apart."""
        arguments = ("lineage", "v_customer_360", "--column", "full_nm", "--up", "--depth", "1")
        shown = quick(*arguments, home=demo.home)
        assert shown.code == 0
        assert "retail.crm.customers.first_nm → retail.crm.v_customer_360.full_nm  [transformation]" in shown.out
        body = quick(*arguments, "--json", home=demo.home).json
        names = {node["id"]: (node["qualified_name"], node["column"]) for node in body["nodes"]}
        into = [edge for edge in body["edges"] if names[edge["to"]][1] == "full_nm"]
        direct = {names[edge["from"]] for edge in into if edge["direct"]}
        assert direct == {("retail.crm.customers.first_nm", "first_nm"), ("retail.crm.customers.last_nm", "last_nm")}
        assert {edge["kind"] for edge in body["edges"] if not edge["direct"]} == {"join", "group", "filter"}
        nothing = quick("lineage", "v_customer_360", "--column", "polish", home=demo.home)
        assert (nothing.code, nothing.out) == (1, "")

    def test_lineage_coverage_and_other_times(self, demo: Demo, quick: Callable[..., Done]) -> None:
        """Every view of the sample is read, its columns too; before it was crawled nothing was."""
        (source,) = quick("lineage", "--coverage", "--json", home=demo.home).json["sources"]
        assert source["unparsed"] == source["partly"] == source["waiting"] == 0
        assert source["definitions"] == source["parsed"] > 5
        assert source["columns_share"] == 1.0
        before = quick("lineage", "v_customer_360", "--as-of", "2001-01-01", "--json", home=demo.home).json
        assert (before["total"], before["edges"]) == (1, [])
        for wrong in (
            ["--as-of", "long ago"],
            ["--as-of", "9999-12-31T23:59:59-14:00"],
            ["--as-of", "2031"],
            ["--coverage"],
        ):
            assert quick("lineage", "v_customer_360", *wrong, home=demo.home).code == 2

    def test_an_ambiguous_name(self, demo: Demo) -> None:
        """Two schemas have a table `payments`: both are printed with their ids, and nothing is guessed."""
        refused = hw("lineage", "payments", home=demo.home)

        assert refused.code == 2
        assert refused.out == ""
        candidates = [line.split()[0].rpartition("/")[2] for line in refused.err.splitlines() if line.startswith("  ")]
        assert candidates == ["retail.finance.payments", "retail.sales.payments"]

    def test_an_unknown_name(self, demo: Demo, quick: Callable[..., Done]) -> None:
        refused = quick("lineage", "no_such_table", home=demo.home)

        assert refused.code == 1
        assert refused.err.splitlines()[-1] == (
            "headwater: no table is called no_such_table; `headwater search 'no_such_table'` finds what is like it"
        )

    @pytest.mark.parametrize("command", ["lineage", "impact", "similar", "history"])
    def test_a_misspelt_name(self, demo: Demo, quick: Callable[..., Done], command: str) -> None:
        """What it may be a slip for is told: a letter too few, another schema in front."""
        for typed in ("retail.sales.ordres", "sales.order", "retail.mart.orders", "oredrs"):
            refused = quick(command, typed, home=demo.home)

            assert (refused.code, refused.out) == (1, "")
            assert f"no table is called {typed}; did you mean retail.sales.orders" in refused.err

    def test_a_misspelt_name_in_a_check(self, demo: Demo, quick: Callable[..., Done], tmp_path: Path) -> None:
        (tmp_path / "change.sql").write_text("ALTER TABLE retail.sales.ordres DROP COLUMN order_id")

        told = quick("check", "--ddl", tmp_path / "change.sql", home=demo.home)

        assert told.code == 3
        assert "table retail.sales.ordres is not known here; did you mean retail.sales.orders" in told.out

    def test_a_misspelt_name_in_a_basket(self, demo: Demo, quick: Callable[..., Done]) -> None:
        """It is told, and the answer is not one of a basket that is known."""
        none = quick("related", "sales.ordres", "--json", home=demo.home)
        some = quick("related", "sales.ordres", "crm.customers", home=demo.home)

        assert (none.code, some.code) == (1, 3)
        assert none.json["unknown"] == ["sales.ordres"]
        assert none.json["near"]["sales.ordres"][0] == "retail.sales.orders"
        assert "no table is called sales.ordres; did you mean retail.sales.orders" in some.err
        alone = quick("related", "sales.ordres", home=demo.home)
        assert (alone.code, alone.out) == (1, "")  # what goes with its words is no answer
        assert "no table is called sales.ordres; did you mean retail.sales.orders" in alone.err

    def test_eval(self, demo: Demo, quick: Callable[..., Done]) -> None:
        """Figures for each class and for all; the control falls to chance on the same file."""
        real = quick("eval", QUESTIONS, "--json", home=demo.home)
        control = quick("eval", QUESTIONS, "--json", "--shuffle", "1", home=demo.home)

        assert (real.code, control.code) == (0, 0)
        assert {name: row["n"] for name, row in real.json["classes"].items()} == {"paraphrase": 30, "words": 30, "all": 60}
        assert real.json["unanswerable"] == 10
        assert 0.5 < real.json["answerable_auroc"] <= 1
        assert real.json["classes"]["words"]["recall"] > 0.8
        assert control.json["classes"]["all"]["recall"] < 0.2  # ten of 191 tables
        assert control.json["unanswerable"] == 0

    def test_doctor(self, demo: Demo) -> None:
        """Everything is looked at and well, the source that the demo left in its settings too."""
        looked = hw("doctor", home=demo.home)

        assert looked.code == 0, looked.out
        assert all(line.startswith("ok  ") for line in looked.out.splitlines())
        assert re.search(r"^ok    index: generation \d+, 191 tables and views", looked.out, re.MULTILINE)
        assert "source demo: can be read, 191 tables and views" in looked.out

    def test_db_upgrade(self, demo: Demo, quick: Callable[..., Done]) -> None:
        """All three are named; nothing is left to do."""
        done = quick("db", "upgrade", home=demo.home)

        assert done.code == 0
        assert re.findall(r"^(\w+): at revision \d+$", done.out, re.MULTILINE) == ["catalog", "indexer", "lineage"]

    def test_a_reader_that_goes_away(self, demo: Demo) -> None:
        """`| head -1` closes the pipe: no traceback, whether the answer was short and waits in a buffer, or long."""
        for arguments in (["db", "upgrade"], ["search", "--json", "-k", "200", "order"]):
            reading, writing = os.pipe()
            os.close(reading)
            ran = subprocess.run(
                command(arguments), env=environment(demo.home), stdout=writing, stderr=subprocess.PIPE, check=False
            )
            os.close(writing)

            assert ran.stderr.decode() == f"home: {demo.home}\n"
            assert ran.returncode == 1


class TestCrawl:
    """`headwater crawl`: its report, its exit code, its sources."""

    def test_configured_sources(self, tmp_path: Path, quick: Callable[..., Done]) -> None:
        """`init`, two sources, `crawl`: all of them; one by its name; again: nothing is encoded and nothing changed."""
        begun = quick("init", cwd=tmp_path)
        assert begun.code == 0
        assert begun.err.splitlines()[-1].startswith("home: ")
        assert quick("init", cwd=tmp_path).code == 1  # never over a file that is there
        settings = tmp_path / "headwater.toml"
        north = write_metadata(tmp_path / "north.jsonl", simple_table("orders"), simple_table("bills"))
        south = write_metadata(tmp_path / "south.jsonl", simple_table("orders"))
        settings.write_text(
            settings.read_text() + f'\n[sources.north]\nurl = "{north}"\n\n[sources.south]\nurl = "{south}"\n'
        )

        first = hw("crawl", "--json", cwd=tmp_path)

        assert first.code == 0, first.err
        assert first.err.splitlines()[0] == f"home: {tmp_path / '.headwater'} (nothing in it yet)"
        assert set(first.json) == {"crawls"}
        assert [set(crawl) for crawl in first.json["crawls"]] == [REPORT, REPORT]
        assert [set(crawl["tables"]) for crawl in first.json["crawls"]] == [COUNTS, COUNTS]
        seen = [(crawl["source"], crawl["state"], crawl["tables"]["added"]) for crawl in first.json["crawls"]]
        assert seen == [("north", "complete", 2), ("south", "complete", 1)]
        assert sum(crawl["texts_encoded"] for crawl in first.json["crawls"]) > 0

        again = hw("crawl", "--json", "north", cwd=tmp_path)

        (report,) = again.json["crawls"]
        assert (report["source"], report["texts_encoded"], report["failures"]) == ("north", 0, [])
        assert report["tables"] == dict.fromkeys(COUNTS, 0) | {"found": 2, "unchanged": 2}
        assert report["seconds"] > 0
        assert "(nothing in it yet)" not in again.err

        by_url = quick("crawl", "--json", north, cwd=tmp_path)

        assert [crawl["source"] for crawl in by_url.json["crawls"]] == ["north"]
        assert by_url.json["crawls"][0]["tables"]["unchanged"] == 2

    def test_a_url_without_a_name(self, tmp_path: Path, quick: Callable[..., Done]) -> None:
        """It is named by its namespace, and later URLs that lead there go on under that name; `--no-wait` leaves the index."""
        url = write_metadata(tmp_path / "wh.jsonl", simple_table("orders", "what people bought"))
        home = tmp_path / "home"

        early = hw("crawl", url, "--no-wait", "--json", home=home)
        found = quick("search", "--json", "bought", home=home)
        waited = quick("crawl", url, "--json", home=home)

        assert [crawl["source"] for crawl in early.json["crawls"]] == ["metadata://wh"]
        assert early.json["crawls"][0]["texts_encoded"] == 0
        assert [hit["name"] for hit in found.json["hits"]] == ["orders"]  # by its words, from what was committed
        assert found.json["mode"] == "lexical"
        assert waited.json["crawls"][0]["tables"]["unchanged"] == 1
        assert waited.json["crawls"][0]["texts_encoded"] > 0

    def test_an_alias_is_the_same_source(self, tmp_path: Path, quick: Callable[..., Done]) -> None:
        """A file reached by another path than the one configured: no second copy of its tables."""
        url = write_metadata(tmp_path / "wh.jsonl", simple_table("orders"))
        (tmp_path / "headwater.toml").write_text(
            f'[sources.main]\nurl = "{url}"\nnamespace = "postgres://db1"\naliases = ["metadata://replica"]\n'
        )
        elsewhere = write_metadata(tmp_path / "replica.jsonl", simple_table("orders"))

        quick("crawl", "main", cwd=tmp_path)
        again = quick("crawl", "--json", elsewhere, cwd=tmp_path)

        (report,) = again.json["crawls"]
        assert (report["source"], report["tables"]["unchanged"], report["tables"]["added"]) == ("main", 1, 0)

    def test_a_broken_line(self, tmp_path: Path) -> None:
        """Done in part: the other tables are there, the line is named, the exit code is 3."""
        url = write_metadata(tmp_path / "wh.jsonl", simple_table("orders"), '{"name": ', simple_table("bills"))

        done = hw("crawl", url, "--json", home=tmp_path / "home")

        assert done.code == 3
        (report,) = done.json["crawls"]
        assert (report["state"], report["tables"]["found"]) == ("partial", 2)
        assert "line 2" in " ".join(report["failures"])
        assert "line 2" in done.err

    def test_an_unknown_source(self, tmp_path: Path) -> None:
        """Wrong use: what is configured is said."""
        refused = hw("crawl", "nowhere", home=tmp_path / "home")

        assert refused.code == 2
        assert refused.err.splitlines()[-1] == "headwater: no source is called nowhere; configured are: none"

    @pytest.mark.parametrize("arguments", [[], ["gopher://x"], ["postgresql://reader:pass/word@db/x"]])
    def test_nothing_to_crawl(self, tmp_path: Path, quick: Callable[..., Done], arguments: list[str]) -> None:
        """No source at all, or a URL that nothing reads: wrong use, and nothing is left in the catalog."""
        home = tmp_path / "home"

        refused = quick("crawl", *arguments, home=home)

        assert refused.code == 2
        assert refused.err.splitlines()[-1].startswith("headwater: ")
        assert "pass/" not in refused.err
        assert "sources: none" in quick("doctor", home=home).out

    def test_an_unreachable_server(
        self, tmp_path: Path, quick: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Failed, for the others too it goes on; the password is nowhere, not in what is said and not in the home."""
        good = write_metadata(tmp_path / "wh.jsonl", simple_table("orders"))
        (tmp_path / "headwater.toml").write_text(
            f'[sources.away]\nurl = "postgresql://reader:{SECRET}@127.0.0.1:1/shop"\n'
            '[sources.hidden]\nurl = "postgresql://reader@127.0.0.2:1/shop"\npassword = "env:PG_SECRET"\n'
            f'[sources.good]\nurl = "{good}"\n'
        )

        one = hw("crawl", "away", "--json", cwd=tmp_path)
        monkeypatch.setenv("PG_SECRET", SECRET)
        every = quick("crawl", "--json", cwd=tmp_path)

        assert (one.code, one.json["crawls"][0]["state"]) == (1, "failed")
        assert one.json["crawls"][0]["failures"]
        assert every.code == 3
        assert [crawl["state"] for crawl in every.json["crawls"]] == ["failed", "failed", "complete"]
        looked = quick("doctor", cwd=tmp_path)
        assert looked.code == 1
        assert re.search(r"^FAIL  source away: ", looked.out, re.MULTILINE)
        for ran in (one, every, looked):
            assert SECRET not in ran.out + ran.err
        files = [path for path in (tmp_path / ".headwater").rglob("*") if path.is_file()]
        assert files
        assert not any(SECRET.encode() in path.read_bytes() for path in files)

    def test_a_namespace_that_another_source_has(self, tmp_path: Path, quick: Callable[..., Done]) -> None:
        """Two files of one name: the second is refused, what to do is said, and the others are crawled."""
        url = write_metadata(tmp_path / "wh.jsonl", simple_table("orders"))
        home = tmp_path / "home"
        (tmp_path / "headwater.toml").write_text(
            f'[sources.second]\nurl = "{url}"\n[sources.third]\nurl = "{url}"\nnamespace = "metadata://third"\n'
        )
        quick("crawl", "second", "--no-wait", home=home)
        (tmp_path / "headwater.toml").write_text(
            f'[sources.first]\nurl = "{url}"\n[sources.third]\nurl = "{url}"\nnamespace = "metadata://third"\n'
        )

        done = quick("crawl", "--json", home=home)

        assert done.code == 3, done.err
        assert [(crawl["source"], crawl["state"]) for crawl in done.json["crawls"]] == [
            ("first", "failed"),
            ("third", "complete"),
        ]
        assert "belongs to the source second" in done.err


class TestEmptyHome:
    """Commands that read, in a home that nobody has begun."""

    def test_it_is_said(self, tmp_path: Path) -> None:
        """One line says which home and what to do; no folder is left behind."""
        home = tmp_path / "nothing"

        refused = hw("search", "--json", "orders", home=home)

        assert (refused.code, refused.out) == (2, "")
        assert refused.err == (
            f"headwater: there is no home {home}: name another with --home or HEADWATER_HOME, "
            "or make it with `headwater crawl` or `headwater demo`\n"
        )
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("arguments", READING, ids=lambda arguments: " ".join(arguments[:2]))
    def test_nothing_that_reads_makes_one(
        self, tmp_path: Path, quick: Callable[..., Done], arguments: tuple[str, ...]
    ) -> None:
        (tmp_path / "given.jsonl").write_text("")

        refused = quick(*arguments, "--home", tmp_path / "typo", cwd=tmp_path)

        assert refused.code == 2
        assert f"there is no home {tmp_path / 'typo'}: " in refused.err
        assert [path.name for path in tmp_path.iterdir()] == ["given.jsonl"]

    def test_no_command_is_left_out(self) -> None:
        assert {arguments[0] for arguments in READING} | BEGINNING == commands()

    def test_doctor_looks_and_makes_nothing(self, tmp_path: Path, quick: Callable[..., Done]) -> None:
        looked = quick("doctor", home=tmp_path / "typo")

        assert "nothing crawled yet" in looked.out
        assert not (tmp_path / "typo").exists()

    def test_the_sample_is_named_where_it_is_near(self, demo: Demo, quick: Callable[..., Done]) -> None:
        """Who has run `headwater demo` and asks without naming its home."""
        refused = quick("search", "orders", cwd=demo.home.parent)

        assert refused.code == 2
        assert f"(the sample warehouse is in {demo.home})" in refused.err

    def test_a_folder_without_a_catalog(self, tmp_path: Path, quick: Callable[..., Done]) -> None:
        refused = quick("related", "orders", home=tmp_path)

        assert refused.code == 2
        assert refused.err.startswith(f"headwater: nothing is in the home {tmp_path} yet: ")
        assert list(tmp_path.iterdir()) == []

    def test_a_home_that_cannot_be(self, tmp_path: Path, quick: Callable[..., Done]) -> None:
        """A file where the folder should be: one line, no traceback."""
        home = tmp_path / "file"
        home.write_text("")

        refused = quick("search", "orders", home=home)
        failed = quick("crawl", write_metadata(tmp_path / "wh.jsonl", simple_table("orders")), home=home)

        assert (refused.code, failed.code) == (2, 1)
        assert refused.err.splitlines()[-1].startswith("headwater: ")
        assert failed.err.splitlines()[-1].startswith("headwater: ")

    def test_settings_that_are_wrong(self, tmp_path: Path, quick: Callable[..., Done]) -> None:
        """Every wrong setting is named, none of the values."""
        (tmp_path / "headwater.toml").write_text(
            f'port = "{SECRET}"\n[sources.wh]\nurl = "sqlite:///x.db"\npassword = "{SECRET}"\n'
        )

        refused = quick("crawl", cwd=tmp_path)

        assert refused.code == 2
        assert "port" in refused.err
        assert "sources.wh.password" in refused.err
        assert SECRET not in refused.err


def test_names_in_any_script(tmp_path: Path, quick: Callable[..., Done]) -> None:
    """A terminal that knows ASCII alone gets escapes, not an error."""
    url = write_metadata(tmp_path / "wh.jsonl", simple_table("заказы", "订单"))
    home = tmp_path / "home"
    quick("crawl", url, "--no-wait", home=home)

    found = hw("search", "заказы", home=home, PYTHONIOENCODING="ascii")

    assert found.code == 0, found.err
    assert "\\u0437" in found.out
