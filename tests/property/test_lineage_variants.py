"""The same SQL in other words has the same lineage, up to what was renamed."""

from __future__ import annotations

import pytest

from services.lineage.sql.extract import read_script
from tests.support.lineage_cases import FOLDER, cases
from tests.support.lineage_variants import answer, variants

FILES = ("select", "nested", "insert", "create", "change", "scripts")
SAMPLE = [case for name in FILES for case in cases(FOLDER / f"{name}.sql")]


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: case.name)
def test_other_words_change_nothing(case):
    """Laid out, commented, re-cased, renamed, with other aliases, wrapped, and with a WITH turned into a table."""
    base = answer(read_script(case.script).whole, {})
    for variant in variants(case.script):
        assert answer(read_script(variant.script).whole, variant.words) == base, variant.name


def test_another_text_has_another_answer():
    """The comparison can fail: answers of two cases differ."""
    answers = {answer(read_script(case.script).whole, {}) for case in SAMPLE}
    assert len(answers) > 0.8 * len(SAMPLE)
