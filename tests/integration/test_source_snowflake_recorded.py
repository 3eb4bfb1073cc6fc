"""The Snowflake source on recorded answers: what the emulator lacks, through the real connector over TCP.

The rows are in `tests/golden/snowflake`; their columns are those of the vendor's pages, which each file names.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from services.common.errors import SourceFailed, WrongSettings
from services.common.model.assets import SQL_UNREADABLE, ContainerRead, ContainersListed, ForeignKey, Found, Index, Kind
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources import snowflake
from services.indexer.sources.open import open_source
from services.indexer.sources.source import Item
from tests.support.answering import Reply
from tests.support.snowflake import RecordedSnowflake, recorded
from tests.support.stocks import Stock, snowflake_answers

TOO_MUCH = (
    90030,
    "22000",
    "Information schema query returned too much data. Please repeat query with more selective predicates.",
)
NO_RIGHT = (2003, "02000", "SQL compilation error: Object does not exist or not authorized.")
ODD = ('Odd "schema"', "line\nbreak \u202e😀")


def answers(**changed: Any) -> dict[str, Any]:
    """What the server says: a pattern of statements each, the first that fits counts."""
    return {
        r"\.TABLES\b.*TABLE_SCHEMA <>": recorded("tables"),
        r"\.COLUMNS\b": recorded("columns"),
        r"INFORMATION_SCHEMA\.VIEWS": recorded("views"),
        r"INFORMATION_SCHEMA\.SCHEMATA": recorded("schemata"),
        "SHOW DATABASES": recorded("databases"),
        "SHOW PRIMARY KEYS": recorded("primary_keys"),
        "SHOW UNIQUE KEYS": recorded("unique_keys"),
        "SHOW IMPORTED KEYS": recorded("imported_keys"),
        "SHOW DYNAMIC TABLES": recorded("dynamic_tables"),
        r"ACCOUNT_USAGE\.TABLES": with_life(recorded("usage_tables")),
        r"ACCOUNT_USAGE\.SCHEMATA": with_life(recorded("usage_schemata")),
        "QUERY_HISTORY_BY_SESSION": [{"BYTES_SCANNED": 4096, "EXECUTION_TIME": 2500}],
    } | changed


def with_life(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of Account Usage with what the statement makes of DELETED."""
    return [row | {"ALIVE": "YES" if row["DELETED"] is None else "NO"} for row in rows]


@contextmanager
def served(**changed: Any) -> Iterator[RecordedSnowflake]:
    with RecordedSnowflake(answers(**changed)) as server:
        yield server


def read(server: RecordedSnowflake, path: str = "/shop", **settings: Any) -> list[Item]:
    with open_source("wh", SourceSettings(url=server.url(path), **settings)) as source:
        return list(source.read())


def tables(items: list[Item]) -> dict[tuple[str, ...], Found]:
    return {item.name.parts[1:]: item for item in items if isinstance(item, Found)}


def ends(items: list[Item]) -> dict[str, ContainerRead]:
    return {item.container.parts[-1]: item for item in items if isinstance(item, ContainerRead)}


def by_schema(rows: list[dict[str, Any]], column: str = "TABLE_SCHEMA") -> Any:
    """Answers the whole with "too much", and a schema that is named with its own rows."""

    def answer(text: str, values: list[str]) -> Any:
        return [row for row in rows if row[column] == values[0]] if "= ?" in text else TOO_MUCH

    return answer


@pytest.fixture(scope="module")
def shop() -> list[Item]:
    with served() as server:
        return read(server)


def test_each_kind_is_named_as_what_it_is(shop: list[Item]) -> None:
    """Dynamic, external, event, transient, temporary and Iceberg tables; materialised and secure views."""
    found = tables(shop)
    kinds = {parts[-1]: item.kind for parts, item in found.items()}
    assert kinds == {
        "ORDERS": Kind.TABLE,
        "LINES": Kind.TABLE,
        "EVENTS": Kind.EXTERNAL_TABLE,
        "TRACE": Kind.TABLE,
        "SCRATCH": Kind.TABLE,
        "LAKE": Kind.TABLE,
        "REVENUE": Kind.DYNAMIC_TABLE,
        "HIDDEN_TEXT": Kind.DYNAMIC_TABLE,
        "BY_DAY": Kind.VIEW,
        "SECRET": Kind.VIEW,
        "FAST": Kind.MATERIALIZED_VIEW,
        ODD[1]: Kind.TABLE,
    }
    flags = {parts[-1]: set(item.properties) - {"owner_role", SQL_UNREADABLE} for parts, item in found.items()}
    assert {name: kept for name, kept in flags.items() if kept} == {
        "ORDERS": {"clustering_key"},
        "LINES": {"transient"},
        "TRACE": {"event"},
        "SCRATCH": {"temporary"},
        "LAKE": {"iceberg"},
        "SECRET": {"secure"},
    }


def test_columns_come_in_order_with_types_defaults_and_comments(shop: list[Item]) -> None:
    """Whatever order the answer has; a length is written where it is not the type's own."""
    orders = tables(shop)["RAW", "ORDERS"]
    assert [(column.name, column.type, column.default) for column in orders.columns] == [
        ("ORDER_ID", "NUMBER(38,0)", "IDENTITY START 1 INCREMENT 1"),
        ("ORDERED_AT", "TIMESTAMP_NTZ", "CURRENT_TIMESTAMP()"),
        ("NET", "NUMBER(12,2)", None),
        ("NOTE", "TEXT", None),
        ("CODE", "TEXT(8)", None),
        ("DOC", "VARIANT", None),
        ('mixed "Case"', "BINARY", None),
    ]
    assert [column.nullable for column in orders.columns[:2]] == [False, True]
    assert orders.columns[2].description == "in euro"


def test_sizes_times_and_comments_are_the_server_own(shop: list[Item]) -> None:
    orders, by_day = tables(shop)["RAW", "ORDERS"], tables(shop)["MART", "BY_DAY"]
    assert (orders.rows, orders.bytes, orders.description) == (5_000_000_000, 123_456_789_012, "One row an order")
    assert orders.last_altered == dt.datetime(2026, 11, 20, 9, 30, 0, 500_000, tzinfo=dt.UTC)
    assert (by_day.rows, by_day.bytes, by_day.description) == (None, None, "orders by day")
    assert tables(shop)["RAW", "EVENTS"].rows is None


def test_keys_are_in_their_own_order(shop: list[Item]) -> None:
    lines, orders = tables(shop)["RAW", "LINES"], tables(shop)["RAW", "ORDERS"]
    assert lines.primary_key == ("ORDER_ID", "LINE")
    assert lines.foreign_keys == (ForeignKey(("ORDER_ID",), ("SHOP", "RAW", "ORDERS"), ("ORDER_ID",)),)
    assert orders.indexes == (Index("UQ_CODE", ("CODE",), unique=True),)


def test_a_text_that_is_not_shown_says_what_it_needs(shop: list[Item]) -> None:
    """An empty text is never an empty definition, neither of a secure view nor of a dynamic table."""
    found = tables(shop)
    assert (found["MART", "BY_DAY"].sql or "").startswith("create view by_day")
    assert "AS SELECT" in (found["MART", "REVENUE"].sql or "")
    for name, right in (("SECRET", "OWNERSHIP"), ("FAST", "OWNERSHIP"), ("HIDDEN_TEXT", "MONITOR")):
        assert found["MART", name].sql is None
        assert found["MART", name].properties[SQL_UNREADABLE] == f"needs {right} on SHOP.MART.{name}"


def test_a_text_that_the_server_cut_is_not_taken_for_whole() -> None:
    views = recorded("views")
    views[0]["VIEW_DEFINITION"] = "x" * 16_777_216
    with served(**{r"INFORMATION_SCHEMA\.VIEWS": views}) as server:
        by_day = tables(read(server))["MART", "BY_DAY"]
    assert by_day.sql is None
    assert "cut" in by_day.properties[SQL_UNREADABLE]


def test_an_object_id_counts_only_where_name_and_birth_agree(shop: list[Item]) -> None:
    """Account Usage is late: what bears a name there may since have handed it on."""
    found = tables(shop)
    assert found["RAW", "ORDERS"].object_id == "1001"
    assert found["RAW", "LINES"].object_id is None
    assert found["MART", "BY_DAY"].object_id is None


def test_lines_tell_a_drop_from_a_lost_grant(shop: list[Item]) -> None:
    """Dropped: its line stays. Hidden, or made again and hidden: it does not."""
    lines = ends(shop)["RAW"].grants or ()
    assert "table DROPPED" in lines
    assert "table HIDDEN" not in lines
    assert "table AGAIN" not in lines
    assert "table ORDERS" in lines
    listed = shop[-1]
    assert isinstance(listed, ContainersListed)
    assert "schema OLD" in (listed.grants or ())


def test_without_account_usage_there_are_no_ids_and_nothing_is_proven() -> None:
    with served(ACCOUNT_USAGE=NO_RIGHT) as server:
        server.answers = {"ACCOUNT_USAGE": NO_RIGHT} | server.answers
        items = read(server)
    assert tables(items)["RAW", "ORDERS"].object_id is None
    assert "table DROPPED" not in (ends(items)["RAW"].grants or ())
    assert all(end.complete for end in ends(items).values())


def test_names_of_any_signs_come_through(shop: list[Item]) -> None:
    odd = tables(shop)[ODD]
    assert odd.columns[0].name == "X"
    assert ends(shop)[ODD[0]].complete


def test_a_schema_without_tables_is_complete(shop: list[Item]) -> None:
    assert ends(shop)["EMPTY"].complete
    assert ends(shop)["EMPTY"].grants == ()


def test_what_comes_from_a_share_says_so() -> None:
    with served(**{"SHOW DATABASES": recorded("databases_shared")}) as server:
        orders = tables(read(server))["RAW", "ORDERS"]
    assert orders.properties["share"] == "ACME.PARTNER.SALES_SHARE"


def test_an_answer_that_is_too_large_is_asked_for_schema_by_schema(shop: list[Item]) -> None:
    """And comes to the same."""
    with served(**{r"\.COLUMNS\b": by_schema(recorded("columns"))}) as server:
        assert read(server) == shop
        split = [values for text, values in server.asked if ".COLUMNS" in text]
    assert split == [[], ["EMPTY"], ["MART"], [ODD[0]], ["RAW"]]


def test_a_schema_that_is_too_large_by_itself_costs_itself_alone() -> None:
    """Its tables are not yielded without their columns, which would look dropped."""
    columns = by_schema(recorded("columns"))
    too_large = {r"\.COLUMNS\b": lambda text, values: TOO_MUCH if values == ["RAW"] else columns(text, values)}
    with served(**too_large) as server:
        items = read(server)
    assert not ends(items)["RAW"].complete
    assert "too much data" in (ends(items)["RAW"].failure or "")
    assert {parts[0] for parts in tables(items)} == {"MART", ODD[0]}
    assert ends(items)["MART"].complete


def test_a_show_as_long_as_its_cap_is_never_taken_for_whole(monkeypatch: pytest.MonkeyPatch, shop: list[Item]) -> None:
    """Asked for again schema by schema; a schema at the cap is incomplete, because its keys would look dropped."""
    monkeypatch.setattr(snowflake, "SHOW_CAP", 3)
    keys = recorded("primary_keys")
    cut = {"SHOW PRIMARY KEYS": lambda text, _: keys if '"RAW"' in text or "IN SCHEMA" not in text else []}
    with served(**cut) as server:
        items = read(server)
        asked = [text for text, _ in server.asked if "PRIMARY KEYS" in text]
    assert len(asked) == 5
    assert '"Odd ""schema"""' in " ".join(asked)
    assert "3 rows" in (ends(items)["RAW"].failure or "")
    assert {parts[0] for parts in tables(items)} == {"MART", ODD[0]}
    whole = {"SHOW PRIMARY KEYS": lambda text, _: keys[:2] if '"RAW"' in text else [] if "IN SCHEMA" in text else keys}
    with served(**whole) as server:
        assert ends(read(server))["RAW"].complete


def test_more_databases_than_the_cap_are_paged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snowflake, "SHOW_CAP", 2)
    row = recorded("databases")[0]
    pages = {None: ["A", "B'"], "B''": ["C"]}

    def page(text: str, _: list[str]) -> list[dict[str, Any]]:
        after = re.search(r"FROM '(.*)'$", text)
        return [row | {"NAME": name} for name in pages[after and after[1]]]

    with served(**{"SHOW DATABASES": page}) as server:
        items = read(server, path="", include=("nothing.*",))
    listed = [item for item in items if isinstance(item, ContainersListed) and not item.within.parts]
    assert listed[0].grants == ("database A", "database B'", "database C")


def test_a_database_that_cannot_be_read_costs_itself_alone() -> None:
    """Where several are read: it is incomplete, and its schemas are not listed."""

    def schemata(text: str, _: list[str]) -> Any:
        return NO_RIGHT if '"SHOPX"' in text else recorded("schemata")

    with served(**{r"INFORMATION_SCHEMA\.SCHEMATA": schemata}) as server:
        items = read(server, path="")
    (failed,) = [item for item in items if isinstance(item, ContainerRead) and item.container.parts == ("SHOPX",)]
    assert not failed.complete
    assert "not authorized" in (failed.failure or "")
    listed = [item.within.parts for item in items if isinstance(item, ContainersListed)]
    assert listed == [("SHOP",), ()]


def test_costs_are_what_the_server_says() -> None:
    with served() as server, open_source("wh", SourceSettings(url=server.url("/shop"))) as source:
        list(source.read())
        assert source.costs == {"bytes": 4096.0, "warehouse_seconds": 2.5}
        assert source.statements == len(server.asked) == 14
        assert list(source.sent) == [text for text, _ in server.asked]


def test_the_session_is_tagged_and_leaves_nothing_behind() -> None:
    """Autocommit, a timeout for statements, no telemetry; role and warehouse as the URL says."""
    with served() as server:
        url = server.url("/shop", role="READER", warehouse="SMALL")
        with open_source("wh", SourceSettings(url=url, query_tag="crawl-7", timeout_s=90)) as source:
            list(source.read())
        (login,) = server.logins
    session = login["SESSION_PARAMETERS"]
    assert session["QUERY_TAG"] == "crawl-7"
    assert session["STATEMENT_TIMEOUT_IN_SECONDS"] == 90
    assert session["AUTOCOMMIT"] is True
    assert session["CLIENT_TELEMETRY_ENABLED"] is False
    assert not session.get("CLIENT_SESSION_KEEP_ALIVE")
    assert login["LOGIN_NAME"] == "reader"


def test_a_key_pair_signs_the_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key stays here, its passphrase too; the server gets a token that the public key proves."""
    key = rsa.generate_private_key(65537, 2048)
    lock = serialization.BestAvailableEncryption(b"canary-phrase")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    (tmp_path / "key.pem").write_bytes(pem)
    monkeypatch.setenv("PHRASE", "canary-phrase")
    with served() as server:
        url = server.url("/shop").replace(":secret@", "@")
        settings = SourceSettings(url=url, private_key=f"file:{tmp_path / 'key.pem'}", private_key_passphrase="env:PHRASE")
        with open_source("wh", settings) as source:
            list(source.read())
        (login,) = server.logins
    assert login["AUTHENTICATOR"] == "SNOWFLAKE_JWT"
    claims = jwt.decode(login["TOKEN"], key.public_key(), algorithms=["RS256"])
    assert claims["sub"].endswith(".READER")
    assert "canary-phrase" not in repr(login)
    with pytest.raises(WrongSettings) as caught:
        list(open_source("wh", settings.model_copy(update={"private_key_passphrase": None})).read())
    assert "private_key" in caught.value.detail


def test_an_oauth_token_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "canary-token")
    with served() as server:
        url = server.url("/shop").replace(":secret@", "@")
        with open_source("wh", SourceSettings(url=url, oauth_token="env:TOKEN")) as source:
            list(source.read())
        (login,) = server.logins
    assert (login["AUTHENTICATOR"], login["TOKEN"]) == ("OAUTH", "canary-token")


def test_a_refused_login_is_one_line_without_the_password() -> None:
    wrong = "Incorrect username or password was specified: secret"
    with RecordedSnowflake({}, login_error=wrong) as server, pytest.raises(SourceFailed) as caught:
        read(server)
    assert "Incorrect username" in caught.value.detail
    assert "secret" not in "".join(traceback.format_exception(caught.value))
    assert "\n" not in caught.value.detail


@pytest.mark.parametrize("at", [r"SHOW DATABASES", r"\.COLUMNS\b", r"ACCOUNT_USAGE\.TABLES"])
def test_a_connection_that_is_cut_is_a_failure_and_yields_nothing(at: str) -> None:
    """At any statement of a database: half an answer is no answer."""
    items: list[Item] = []
    with (
        served(**{at: None}) as server,
        open_source("wh", SourceSettings(url=server.url("/shop"), timeout_s=2)) as source,
        pytest.raises(SourceFailed, match="Snowflake at"),
    ):
        items.extend(source.read())
    assert items == []


def test_half_an_answer_without_a_word_is_noticed() -> None:
    """The connector counts the rows; without that, columns that were cut off would look dropped."""
    with served() as server:
        server.disturb = _shortened(server, "COLUMNS")
        with pytest.raises(SourceFailed, match="Incomplete result"):
            read(server)


def _shortened(server: RecordedSnowflake, of: str) -> Any:
    def disturb(path: str, body: dict[str, Any]) -> Reply | None:
        if of not in body.get("sqlText", ""):
            return None
        answer = json.loads(server.respond(path, body).body)
        answer["data"]["rowset"].pop()
        return Reply.of(answer)

    return disturb


@pytest.mark.parametrize("code", ["390112", "390114"])
def test_a_session_that_is_over_is_a_failure(code: str) -> None:
    """Whatever the connector then tries: it renews itself without an end where that is answered in the same way."""
    over = {"data": {}, "code": code, "message": "it has expired", "success": False}
    with served() as server:
        server.disturb = lambda path, body: Reply.of(over) if server.asked else None
        with pytest.raises(SourceFailed, match="Snowflake at"):
            read(server, timeout_s=2)


@pytest.mark.parametrize("at", [r"\.COLUMNS\b", "SHOW PRIMARY KEYS", r"ACCOUNT_USAGE\.SCHEMATA"])
@pytest.mark.parametrize("what", ["dropped", "rebuilt", "hidden"])
def test_a_table_that_changes_while_it_is_read_is_left_as_it_was(at: str, what: str) -> None:
    """Between a list of tables and another one: it is not yielded, and its schema is incomplete; others are read."""
    stock = Stock.of(3)
    answers = snowflake_answers(stock)

    def change(path: str, body: dict[str, Any]) -> None:
        if re.search(at, body.get("sqlText", "")):
            if what == "hidden":
                stock.hide("two", whole=False)
            else:
                (stock.drop if what == "dropped" else stock.rebuild)("two", "t1")

    with RecordedSnowflake(answers) as server:
        server.disturb = change
        items = read(server)
    read_of_two = {name for schema, name in tables(items) if schema == "two"}
    assert read_of_two == (set() if what == "hidden" else {"t0", "t2", "v"})
    assert (ends(items)["two"].complete, ends(items)["one"].complete) == (False, True)
    assert "while it was read: t" in (ends(items)["two"].failure or "")


def test_without_a_warehouse_the_grant_is_named() -> None:
    no_warehouse = (606, "57P03", "No active warehouse selected in the current session.")
    with served(**{r"INFORMATION_SCHEMA\.VIEWS": no_warehouse}) as server:
        source = open_source("wh", SourceSettings(url=server.url("/shop", role="R", warehouse="W")))
        (lacks,) = source.missing()
    assert lacks.grant == "GRANT USAGE ON WAREHOUSE W TO ROLE R"


def test_each_view_that_is_not_shown_is_a_missing_grant() -> None:
    with served() as server, open_source("wh", SourceSettings(url=server.url("/shop", role="R"))) as source:
        grants = [lacks.grant for lacks in source.missing()]
    assert grants == [f'GRANT OWNERSHIP ON VIEW "SHOP"."MART"."{name}" TO ROLE R' for name in ("SECRET", "FAST")]
