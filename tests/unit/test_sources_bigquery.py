"""BigQuery's URL, its literals, and the folding of days: pure, without a server."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors import WrongSettings
from services.common.model.assets import Found, Kind
from services.common.model.names import Namespace, from_catalog
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources.bigquery_literals import labels_of, text_of
from services.indexer.sources.bigquery_rows import folded
from services.indexer.sources.bigquery_url import credentials_of, location_of
from services.indexer.sources.open import open_source

URL = "bigquery://acme-prod?region=eu"


@pytest.mark.parametrize(
    ("literal", "meant"),
    [
        ('"plain"', "plain"),
        (r'"a \"b\" \\ \n\t\x41\101\u00e9\U0001F600"', 'a "b" \\ \n\tAAé😀'),
        ("'it\\'s'", "it's"),
        ('"""two\nlines "quoted" inside"""', 'two\nlines "quoted" inside'),
        ("'''x'''", "x"),
        (r'r"a\n"', r"a\n"),
        ('""', ""),
        (r'"\UFFFFFFFF"', r"\UFFFFFFFF"),
        ("no literal", "no literal"),
        ('"cut', '"cut'),
    ],
)
def test_a_literal_means_its_text(literal: str, meant: str) -> None:
    """Escapes, three quotes, raw ones; what is no literal is kept."""
    assert text_of(literal) == meant


@given(st.text())
def test_every_text_comes_back_from_its_literal(text: str) -> None:
    """As JSON writes it, whose escapes GoogleSQL has too, but for pairs of surrogates."""
    assert text_of(json.dumps(text, ensure_ascii=False)) == text


def test_labels_are_tags() -> None:
    """A comma, a bracket or a quote inside a value is part of it; an empty value leaves the name."""
    assert labels_of('[STRUCT("b", "x, y)]"), STRUCT("a", "")]') == ("a", "b:x, y)]")
    assert labels_of("[]") == ()


def table(name: str, *, kind: Kind = Kind.TABLE, rows: int | None = 1) -> Found:
    return Found(from_catalog(Namespace("bigquery"), ("p", "d", name)), kind=kind, rows=rows)


@pytest.mark.parametrize(
    ("names", "left"),
    [
        (["e_20240101", "e_20240102"], ["e_*"]),
        (["e_20240101"], ["e_20240101"]),
        (["e_20240101", "f_20240102"], ["e_20240101", "f_20240102"]),
        (["e_20240230", "e_20240101"], ["e_20240101", "e_20240230"]),
        (["20240101", "20240102"], ["20240101", "20240102"]),
        (["e_2024010", "e_20240101", "e_20240102", "e"], ["e", "e_*", "e_2024010"]),
        (["e_120240101", "e_120240102"], ["e_1*"]),
        (["e_٢٠٢٤٠١٠١", "e_٢٠٢٤٠١٠٢"], ["e_٢٠٢٤٠١٠١", "e_٢٠٢٤٠١٠٢"]),
    ],
)
def test_only_real_days_of_one_stem_are_folded(names: list[str], left: list[str]) -> None:
    """Two at the least; a single one keeps its name, whatever it looks like."""
    assert [found.name.parts[-1] for found in folded(map(table, names))] == left


def test_views_are_never_folded() -> None:
    views = [table(f"v_2024010{day}", kind=Kind.VIEW) for day in (1, 2)]
    assert folded(views) == views


@given(st.sets(st.dates(dt.date(2000, 1, 1), dt.date(2030, 1, 1)), min_size=2, max_size=20), st.randoms())
def test_folding_does_not_depend_on_order(days: set[dt.date], random: object) -> None:
    shards = [table(f"e_{day:%Y%m%d}", rows=day.day) for day in days]
    one = folded(shards)
    random.shuffle(shards)  # type: ignore[attr-defined]
    assert folded(shards) == one
    assert one[0].partitions == len(days)
    assert one[0].rows == sum(day.day for day in days)
    assert one[0].properties["newest_shard"] == f"e_{max(days):%Y%m%d}"


@pytest.mark.parametrize(
    "url",
    [
        "bigquery://acme-prod",
        "bigquery://?region=eu",
        "bigquery://acme-prod/a/b?region=eu",
        "bigquery://acme-prod/`x`?region=eu",
        "bigquery://acme`prod?region=eu",
        "bigquery://acme-prod?region=eu`",
        "bigquery://acme-prod?region=eu&credentials_path=/x",
        "bigquery://acme-prod?region=eu&endpoint=http://example.com",
    ],
)
def test_what_would_confuse_is_refused(url: str) -> None:
    with pytest.raises(WrongSettings):
        location_of(url)


def test_regions_may_repeat_and_keep_their_order() -> None:
    assert location_of("bigquery://acme-prod/raw?region=US&region=eu&region=us").regions == ("us", "eu")


def test_credentials_that_are_none_are_wrong_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for secret in ('{"private_key": "canary"}', "canary", '["canary"]'):
        monkeypatch.setenv("ACCOUNT", secret)
        settings = SourceSettings(url=URL, credentials="env:ACCOUNT")
        with pytest.raises(WrongSettings) as caught:
            credentials_of(settings, location_of(URL))
        assert "canary" not in caught.value.detail
        assert caught.value.__cause__ is None


def test_the_script_gives_metadata_and_never_rows() -> None:
    script = open_source("wh", SourceSettings(url=URL, namespace="bigquery")).grants()
    assert "roles/bigquery.metadataViewer" in script
    assert "roles/bigquery.jobUser" in script
    assert "bigquery.dataViewer" not in script
