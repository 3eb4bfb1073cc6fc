"""What an asset's tests say of it, as one word for filters and facets. Journey 2, for the facet `quality`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Quality(StrEnum):
    """The worst outcome of a table's tests; a table without tests has none of these."""

    PASS = "pass"  # noqa: S105 - an outcome
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"  # it has tests, and none of them is known to have run


_WORST_FIRST = (Quality.FAIL, Quality.WARN, Quality.PASS)
_OF_STATE = {"pass": Quality.PASS, "warn": Quality.WARN, "fail": Quality.FAIL, "error": Quality.FAIL}


def quality_of(properties: Mapping[str, Any]) -> Quality | None:
    """The quality that dbt's test outcomes in an asset's properties say; None where it has no tests.

    A property of any shape is read without harm: it is a source's word.
    """
    dbt = properties.get("dbt")
    tests = dbt.get("tests") if isinstance(dbt, Mapping) else None
    if not isinstance(tests, list) or not tests:
        return None
    states = {_OF_STATE.get(str(test.get("state"))) for test in tests if isinstance(test, Mapping)}
    return next((quality for quality in _WORST_FIRST if quality in states), Quality.UNKNOWN)
