"""The same SQL in other words has the same lineage, up to what was renamed."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest

from services.lineage.sql.extract import read_script
from services.lineage.sql.statement import Problem
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


@pytest.mark.parametrize("seed", range(4))
def test_broken_texts_are_answered_and_never_trip_the_reader(seed):
    """Words taken out, doubled and swapped with those of other cases: a reason at the most, and never one that is our own fault."""
    rng = random.Random(seed)
    for _ in range(40):
        case, other = rng.choice(SAMPLE), rng.choice(SAMPLE)
        words, spare = (re.findall(r"\w+|\s+|.", one.script.sql) for one in (case, other))
        for _ in range(rng.choice([1, 1, 2, 4])):
            at = rng.randrange(len(words))
            words[at : at + rng.choice([0, 1])] = rng.choice([[], [rng.choice(words)], spare[: rng.randrange(12)]])
        broken = replace(case.script, sql="".join(words) or "x")
        errors = [one.error for one in read_script(broken).statements if one.error]
        assert Problem.COLUMNS.value not in errors, broken.sql
