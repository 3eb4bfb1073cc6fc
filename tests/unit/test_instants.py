"""Instants as they are written: read into UTC, or refused with what to write; never an overflow."""

from __future__ import annotations

import datetime as dt

import pytest

from services.common.model.instants import instant

NOON = dt.datetime(2031, 5, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text", ["2031-05-01T12:00:00Z", "2031-05-01t12:00z", "2031-05-01 14:00:00+02:00", "2031-05-01T14:00:00 02:00"]
)
def test_an_instant_is_read_into_utc(text):
    """A blank before the offset is the `+` that a query string lost."""
    assert (instant(text), instant(text).tzinfo) == (NOON, dt.UTC)


def test_a_day_is_its_beginning():
    """In UTC, with or without the demand for an offset."""
    assert instant("2031-05-01") == NOON.replace(hour=0)
    assert instant("2031-05-01T12:00", offset=False) == NOON
    with pytest.raises(ValueError, match="write the offset"):
        instant("2031-05-01T12:00")


@pytest.mark.parametrize(
    "text",
    [
        *("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "0001-01-01", "9999-12-31"),
        *("1969-12-31", "9999-01-01T00:00:00+00:00"),
    ],
)
def test_what_no_store_can_hold_is_refused(text):
    """The first two are out of what Python holds, once in UTC."""
    with pytest.raises(ValueError, match="from 1970 to 9998"):
        instant(text)


@pytest.mark.parametrize(
    "text", ["2031", "1764172800", "20310501", "1e400", "NaN", "", "long ago", "2031-13-01", "²031-01-01"]
)
def test_what_is_no_date_is_refused(text):
    """A bare number too: it may be meant as a year or as seconds."""
    with pytest.raises(ValueError, match="no ISO 8601 date"):
        instant(text)
