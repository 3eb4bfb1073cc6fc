"""What MySQL and MariaDB say of grants and columns, read from their words alone: also where no server of the kind is at hand."""

from __future__ import annotations

import pytest

from services.common.errors import WrongSettings
from services.common.model.assets import Kind
from services.common.model.names import Namespace
from services.indexer.sources.mysql_grants import Grants
from services.indexer.sources.mysql_rows import Server, found_from, statements, trouble
from services.indexer.sources.mysql_url import connection_parameters

NAMESPACE = Namespace("mysql://db1:3306")
TABLE = ["BASE TABLE", "InnoDB", "7", "100", "20", "2026-01-02 03:04:05", None, "who buys"]


def mysql_column(name: str, type_: str, default: str | None, extra: str = "", generation: str = "") -> list[str | None]:
    """A row of COLUMNS as MySQL 8's manual describes it: defaults without quotes, expressions marked in EXTRA."""
    return [name, type_, "YES", default, extra, generation, ""]


def test_grants_that_show_no_table_are_no_lines() -> None:
    """They come and go without a table coming or going; hashes of passwords are never in a line."""
    grants = Grants.of([
        "GRANT USAGE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*HASH'",
        "GRANT RELOAD, PROCESS, SELECT ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*HASH'",
        "GRANT EXECUTE ON PROCEDURE `shop`.`p` TO `u`@`%`",
        "GRANT `analyst` TO `u`@`%`",
        "SET DEFAULT ROLE `analyst` FOR `u`@`%`",
        "GRANT SELECT (`a``)`, `b`), INSERT ON `shop`.`say `` ON x TO y` TO `u`@`%`",
        "GRANT SHOW VIEW ON `other`.`t` TO `u`@`%`",
        "GRANT DELETE ON `sh\\_p`.* TO `u`@`%`",
    ])  # fmt: skip
    odd = "`shop`.`say `` ON x TO y`"
    assert set(grants.lines("shop")) == {f"INSERT ON {odd}", f"SELECT (some columns) ON {odd}", "SELECT ON *.*"}
    assert grants.lines("sh_p") == ("DELETE ON `sh\\_p`.*", "SELECT ON *.*")
    assert grants.lines("shxp") == ("SELECT ON *.*",)


def test_a_more_specific_pattern_changes_the_line_of_the_wider_one() -> None:
    """The server applies only the most specific pattern, so the wider grant may have stopped to show anything."""
    wide = ["GRANT SELECT ON `sh%`.* TO `u`@`%`"]
    before = set(Grants.of(wide).lines("shop"))
    after = set(Grants.of([*wide, "GRANT EXECUTE ON `shop`.* TO `u`@`%`"]).lines("shop"))
    assert before
    assert not after >= before


def test_a_partial_revoke_takes_the_global_line_from_its_database() -> None:
    """MySQL 8 can take one database out of a global grant."""
    grants = Grants.of(["GRANT SELECT, INSERT ON *.* TO `u`@`%`", "REVOKE SELECT ON `shop`.* FROM `u`@`%`"])
    assert grants.lines("shop") == ("INSERT ON *.*",)
    assert grants.lines("other") == ("INSERT ON *.*", "SELECT ON *.*")


def test_names_of_databases_are_compared_as_the_server_compares_them() -> None:
    """Without case only where `lower_case_table_names` is not 0."""
    lines = ["GRANT SELECT ON `Shop`.* TO `u`@`%`"]
    assert Grants.of(lines).lines("shop") == ()
    assert Grants.of(lines, ignore_case=True).lines("shop") == ("SELECT ON `Shop`.*",)


def test_a_listing_has_every_line_of_its_databases() -> None:
    """What was known of a database can be compared with the list that no longer names it."""
    grants = Grants.of([
        "GRANT SHOW DATABASES, RELOAD ON *.* TO `u`@`%`",
        "GRANT SELECT ON `sh%`.* TO `u`@`%`",
        "GRANT SELECT ON `a`.`t` TO `u`@`%`",
    ])  # fmt: skip
    listing = set(grants.listing(["shop", "a"]))
    assert listing >= {*grants.lines("shop"), *grants.lines("a")}
    assert "SHOW DATABASES ON *.*" in listing
    assert "RELOAD ON *.*" not in listing


def test_defaults_of_mysql_get_the_quotes_that_it_leaves_out() -> None:
    """A text reads as a text, a number and an expression as themselves, as on MariaDB."""
    parts = {
        "TABLES": [TABLE],
        "COLUMNS": [
            mysql_column("a", "varchar(10)", "it's"),
            mysql_column("b", "int unsigned", "7"),
            mysql_column("c", "datetime", "CURRENT_TIMESTAMP", "DEFAULT_GENERATED on update CURRENT_TIMESTAMP"),
            mysql_column("d", "varchar(9)", None, "VIRTUAL GENERATED", "concat(_utf8mb4\\'x\\',`a`)"),
            mysql_column("e", "bit(1)", "b'0'"),
            mysql_column("f", "varchar(9)", "NULL"),
            mysql_column("g", "bigint", None, "auto_increment"),
        ],
        "STATISTICS": [["low", "1", None, None, "lower(`a`)"], ["low", "1", "b", None, None]],
    }
    found = found_from("shop", "t", parts, Server(NAMESPACE, is_mariadb=False, ignore_case=False))
    assert {column.name: column.default for column in found.columns} == {
        "a": "'it''s'",
        "b": "7",
        "c": "CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP",
        "d": "GENERATED ALWAYS AS (concat(_utf8mb4'x',`a`)) VIRTUAL",
        "e": "b'0'",
        "f": "'NULL'",
        "g": "AUTO_INCREMENT",
    }
    assert [index.columns for index in found.indexes] == [("lower(`a`)", "b")]
    assert (found.rows, found.bytes, str(found.last_altered)) == (7, 120, "2026-01-02 03:04:05+00:00")


def test_a_table_whose_rows_are_elsewhere_is_external() -> None:
    """Its engine says so; what it connects with is not read at all."""
    parts = {"TABLES": [["BASE TABLE", "FEDERATED", *TABLE[2:]]], "COLUMNS": [mysql_column("a", "int", None)]}
    found = found_from("shop", "t", parts, Server(NAMESPACE, is_mariadb=False, ignore_case=False))
    assert found.kind is Kind.EXTERNAL_TABLE


def test_an_error_in_the_place_of_a_comment_is_trouble_and_a_broken_view_is_none() -> None:
    """A table that could not be opened has no engine; an invalid view is what it is."""
    none = [None] * 5
    assert trouble({"TABLES": [TABLE], "COLUMNS": [mysql_column("a", "int", None)]}) is None
    assert trouble({"TABLES": [TABLE]}) is not None
    assert trouble({"TABLES": [["BASE TABLE", None, *none, "Incorrect information in file"]]}) is not None
    assert trouble({"TABLES": [["VIEW", None, *none, "Lock wait timeout exceeded"]]}) is not None
    assert trouble({"TABLES": [["VIEW", None, *none, "View 'a.v' references invalid table(s)"]]}) is None
    assert trouble({"TABLES": [["VIEW", None, *none, "VIEW"]], "COLUMNS": [mysql_column("a", "int", None)]}) is None


def test_both_servers_are_asked_as_often() -> None:
    """One statement a part, whether for one database or for all, and no name stands in its text."""
    for database in (None, "shop"):
        for is_mariadb in (True, False):
            asked = statements(database, is_mariadb=is_mariadb)
            assert len(asked) == 7
            for text, values in asked.values():
                assert text.count("%s") == len(values)
                assert "{" not in text
                assert "shop" not in text


@pytest.mark.parametrize(
    "url", ["mysql://u:p#canary@h/d", "mysql://u@h:canary/d", "mysql:///canary", "mysql://a,b/canary", "mysql://h/d?ssl_ca="]
)
def test_an_url_that_cannot_be_meant_is_refused_without_a_value(url: str) -> None:
    """What stands in the wrong place may be half of a password."""
    with pytest.raises(WrongSettings) as caught:
        connection_parameters(url)
    assert "canary" not in str(caught.value)


def test_an_url_becomes_parameters() -> None:
    """Escapes are undone, the default port is filled in, the password is UTF-8."""
    made = connection_parameters(
        "mysql://a%40b:p%C3%A4@db1/sh%20op?ssl_ca=/ca.pem&ssl_verify_identity=true&connect_timeout=3"
    )
    assert made == {
        "host": "db1",
        "port": 3306,
        "database": "sh op",
        "user": "a@b",
        "password": "pä".encode(),
        "connect_timeout": 3,
        "ssl_ca": "/ca.pem",
        "ssl_verify_identity": True,
    }
    with pytest.raises(WrongSettings, match="both"):
        connection_parameters("mysql://h/d?ssl_disabled=true&ssl_ca=/ca.pem")
