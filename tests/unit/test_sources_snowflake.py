"""A Snowflake URL, and the script of rights: what is let through, what is refused, and that no secret is repeated."""

from __future__ import annotations

import pytest

from services.common.errors import WrongSettings
from services.common.runtime.source_settings import SourceSettings, source_namespace
from services.indexer.sources.open import open_source
from services.indexer.sources.snowflake_rows import lines
from services.indexer.sources.snowflake_url import location_of, login_of

CANARY = "canary/p@ss"


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("", (None, None)),
        ("/shop", ("SHOP", None)),
        ("/shop/sales", ("SHOP", "SALES")),
        ("/%22Shop%22/%22a%22%22b%22", ("Shop", 'a"b')),
    ],
)
def test_names_fold_as_the_server_folds_them(path: str, names: tuple[str | None, str | None]) -> None:
    """To upper case, unless they stand in double quotes."""
    location = location_of(f"snowflake://u@acme-prod{path}")
    assert (location.database, location.schema) == names


def test_the_namespace_is_the_account_in_lower_case() -> None:
    """Region and cloud of an old locator are part of it; user, database and parameters are not."""
    settings = SourceSettings(url="snowflake://u:p@XY12345.eu-west-1.AWS/SHOP?warehouse=W")
    assert source_namespace(settings) == "snowflake://xy12345.eu-west-1.aws"


@pytest.mark.parametrize(
    "url",
    [
        "snowflake://acme/shop",
        "snowflake:///shop",
        "snowflake://u@acme:443/shop",
        "snowflake://u@acme/a/b/c",
        "snowflake://u@acme/shop?disable_ocsp_checks=true",
        "snowflake://u@acme/shop?ocsp_fail_open=true",
        "snowflake://u@acme/shop?insecure_mode=1",
        "snowflake://u@acme/shop?session_parameters=x",
    ],
)
def test_what_would_loosen_or_confuse_is_refused(url: str) -> None:
    with pytest.raises(WrongSettings):
        location_of(url)


@pytest.mark.parametrize("query", ["protocol=http", "protocol=http&host=db.example.com", "protocol=ftp", "port=4x3"])
def test_plain_http_is_for_this_machine_alone(query: str) -> None:
    with pytest.raises(WrongSettings):
        login_of(SourceSettings(url=f"snowflake://u:p@acme/shop?{query}"))


def test_the_check_of_certificates_can_only_be_made_stricter() -> None:
    assert "ocsp_fail_open" not in login_of(SourceSettings(url="snowflake://u:p@acme")).arguments
    strict = login_of(SourceSettings(url="snowflake://u:p@acme?ocsp_fail_open=false")).arguments
    assert strict["ocsp_fail_open"] is False
    assert not {"disable_ocsp_checks", "insecure_mode"} & set(strict)


def test_a_password_is_unescaped_and_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the error for a URL that it breaks, nor for a key that is none."""
    monkeypatch.setenv("PW", CANARY)
    login = login_of(SourceSettings(url="snowflake://u@acme/shop", password="env:PW"))
    assert login.arguments["password"] == CANARY
    for settings in (
        SourceSettings(url=f"snowflake://u:{CANARY}@acme/shop"),
        SourceSettings(url="snowflake://u@acme/shop", private_key="env:PW"),
    ):
        with pytest.raises(WrongSettings) as caught:
            login_of(settings)
        assert "canary" not in caught.value.detail
        assert caught.value.__cause__ is None


def test_the_script_gives_structure_and_never_rows() -> None:
    """For a database or for one schema; REFERENCES shows columns, and SELECT is never given."""
    whole = open_source("wh", SourceSettings(url="snowflake://u:p@acme/shop?role=R&warehouse=W")).grants()
    assert 'GRANT REFERENCES ON FUTURE TABLES IN DATABASE "SHOP" TO ROLE R;' in whole
    assert "GRANT USAGE ON WAREHOUSE W TO ROLE R;" in whole
    assert "GRANT DATABASE ROLE SNOWFLAKE.OBJECT_VIEWER TO ROLE R;" in whole
    assert "SELECT ON" not in whole.replace("never SELECT on", "")
    one = open_source("wh", SourceSettings(url="snowflake://u:p@acme/shop/sales")).grants()
    assert 'GRANT REFERENCES ON ALL VIEWS IN SCHEMA "SHOP"."SALES" TO ROLE CATALOG_READER;' in one


def test_a_line_outlives_its_table_only_where_its_last_bearer_was_dropped() -> None:
    usage = [("A", True), ("B", False), ("C", False), ("C", True), ("D", False)]
    assert lines("table", ["A", "D"], usage) == ("table A", "table B", "table D")
