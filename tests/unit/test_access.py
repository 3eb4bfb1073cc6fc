"""The one predicate for who may see what: globs over `source.database.schema.table`, deny before allow."""

from __future__ import annotations

import time

import pytest

from services.common.model.access import FULL_SCOPE, NO_SCOPE, AccessScope, chooser_below, collapse
from services.common.model.names import ScopePath, scope_path

TABLE = ScopePath("wh.shop.hr.salaries")


@pytest.mark.parametrize(
    ("allow", "deny", "seen"),
    [
        pytest.param(("*",), (), True, id="everything"),
        pytest.param((), (), False, id="an empty allow list allows nothing"),
        pytest.param((), ("other",), False, id="a deny list alone allows nothing"),
        pytest.param(("",), (), False, id="an empty glob names nothing"),
        pytest.param(("wh.shop.hr.salaries",), (), True, id="the whole name"),
        pytest.param(("WH.Shop.HR.Salaries",), (), True, id="case does not count"),
        pytest.param(("wh",), (), True, id="a source covers what is in it"),
        pytest.param(("wh.shop",), (), True, id="a database covers what is in it"),
        pytest.param(("wh.shop.hr",), (), True, id="a schema covers what is in it"),
        pytest.param(("wh.shop.hr.salaries.x",), (), False, id="but not what is above it"),
        pytest.param(("wh.shop.h",), (), False, id="half a word covers nothing"),
        pytest.param(("shop.hr.salaries",), (), False, id="the source belongs to the name"),
        pytest.param(("wh.*",), (), True, id="a star crosses dots"),
        pytest.param(("*.salaries",), (), True, id="a star in front crosses dots"),
        pytest.param(("*sal*",), (), True, id="stars on both sides"),
        pytest.param(("w*.hr",), (), True, id="what a star ends in covers what is below"),
        pytest.param(("wh.shop.*.salaries.*",), (), False, id="a dot behind the name is not there"),
        pytest.param(("wh.shop.?r.salar?es",), (), True, id="a question mark is one character"),
        pytest.param(("wh.shop.hr?salaries",), (), True, id="a dot too"),
        pytest.param(("wh.shop.hr.salaries?",), (), False, id="and never none"),
        pytest.param(("*",), ("wh.shop.hr",), False, id="deny wins over everything"),
        pytest.param(("wh.shop.hr.salaries",), ("wh*",), False, id="deny wins over the whole name"),
        pytest.param(("*",), ("wh.shop.hr.salaries_old", "wh.shop.h"), True, id="a deny that names another hides nothing"),
        pytest.param(("nope", "wh.shop"), (), True, id="one of several is enough"),
    ],
)
def test_what_a_scope_permits(allow, deny, seen):
    """Some allow glob matches and no deny glob does."""
    assert AccessScope(allow, deny).permits(TABLE) is seen


@pytest.mark.parametrize("sign", [*".^$+(){}[]|\\/#-_%'\" \n\t", "(?i)", "[a-z]", "\\d", "a|b"])
def test_signs_of_regular_expressions_mean_themselves(sign):
    """Only `*` and `?` are wild; SQL's own wildcards are not either."""
    scope = AccessScope((f"wh.a{sign}b",))
    assert scope.permits(scope_path("wh", [f"A{sign}B"]))
    assert not scope.permits(ScopePath("wh.axb"))
    assert not scope.permits(ScopePath("wh.ab"))


def test_names_with_line_breaks_hide_nothing():
    """Neither at the end, nor in the middle, nor for a star that has to cross one."""
    for glob in ("*", "wh.*", "*b", "wh.a?b", "wh"):
        assert AccessScope((glob,)).permits(ScopePath("wh.a\nb"))
    assert not AccessScope(("wh.a",)).permits(ScopePath("wh.a\n"))
    assert not AccessScope(("*",), ("wh.*",)).permits(ScopePath("wh.a\nb"))
    assert not AccessScope(("*",), ("*secret",)).permits(ScopePath("wh.a\nb.secret"))
    assert not AccessScope(("*",), ("wh.a?b",)).permits(ScopePath("wh.a\nb"))


def test_capital_letters_of_every_script_are_lower_case_in_globs():
    """A Greek capital sigma has two small letters; a piece of a word must not end in the other one."""
    scope = AccessScope(("*",), ("wh.ΟΔΟΣ*",))
    assert not scope.permits(scope_path("wh", ["ΟΔΟΣΗΜΑ"]))
    assert not scope.permits(scope_path("wh", ["ΟΔΟΣ"]))


@pytest.mark.parametrize(
    ("glob", "fitting"),
    [
        ("*" * 5000 + "b", "a" * 300 + "b"),
        ("*a" * 40 + "*b", "a" * 300 + "b"),
        ("*?" * 40 + "*b", "a" * 300 + "b"),
        ("*a*?" * 20 + "b.*.b", "a" * 300 + "b.x.b"),
        ("?" * 40 + "*" + "a" * 40 + "b", "a" * 300 + "b"),
    ],
)
def test_no_glob_takes_long(glob, fitting):
    """A pattern that tries every way to place its stars would take years on these names."""
    begun = time.process_time()
    scope = AccessScope((glob,))
    assert not scope.permits(ScopePath("a" * 300))
    assert scope.permits(ScopePath(fitting))
    assert time.process_time() - begun < 30


@pytest.mark.parametrize(
    ("glob", "path", "fits"),
    [
        ("*ab*ab", "wh.abxab", True),
        ("*ab*ab", "wh.ab", False),
        ("*ab*b*c", "abbc", True),
        ("*a?c*c", "xaabcc", True),
        ("*a?c*c", "aac", False),
        ("a*a", "a", False),
        ("*.a*.b", "wh.a.b.c", True),
        ("a*b*", "a.x.b", True),
    ],
)
def test_pieces_between_stars_come_in_order_without_overlap(glob, path, fits):
    """The earliest place for a piece is taken, which never loses a match."""
    assert AccessScope((glob,)).permits(ScopePath(path)) is fits


def test_full_and_empty_scopes_know_themselves():
    """Filters may be skipped only where nothing is hidden."""
    assert FULL_SCOPE.is_full
    assert not NO_SCOPE.is_full
    assert not AccessScope(("*",), ("wh.hr",)).is_full
    assert not AccessScope(("wh.*",)).is_full


@pytest.mark.parametrize(
    ("allow", "deny", "schema", "said"),
    [
        pytest.param(("*",), ("wh.shop.hr",), "wh.shop.hr", False, id="a schema that is hidden"),
        pytest.param(("*",), ("wh.shop.hr",), "wh.shop.hr2", True, id="one that only begins alike"),
        pytest.param(("*",), ("wh.shop.h*",), "wh.shop.hr", False, id="hidden by a star"),
        pytest.param(("*",), ("wh.shop.h*",), "wh.shop.sales", True, id="a star that it does not reach"),
        pytest.param(("*",), ("wh.shop.hr.salaries",), "wh.shop.hr", None, id="one table of it is hidden"),
        pytest.param(("*",), ("wh.shop.hr.salaries",), "wh.shop.sales", True, id="a table of another one is hidden"),
        pytest.param(("*",), ("*_pii",), "wh.shop.hr", None, id="names decide"),
        pytest.param(("wh.shop",), (), "wh.shop.hr", True, id="shown by what is above"),
        pytest.param(("wh.shop.hr",), (), "wh.shop.sales", False, id="not shown by another one"),
        pytest.param((), (), "wh.shop.hr", False, id="nothing is shown"),
        pytest.param(("wh.shop.?r",), (), "wh.shop.hr", True, id="a question mark is one character"),
    ],
)
def test_what_a_scope_says_of_a_whole_schema(allow, deny, schema, said):
    """So that a walk asks once a schema and not once a table."""
    assert chooser_below(AccessScope(allow, deny))(schema) is said


def test_a_scope_has_one_key_however_it_is_written():
    """Order, case, repetition and runs of stars do not count."""
    key = AccessScope(("a.*", "B"), ("c",)).key
    assert AccessScope(("b", "A.**", "b"), ("C",)).key == key
    assert collapse("A.***b") == "a.*b"


@pytest.mark.parametrize(
    "other",
    [
        AccessScope(("a\nb",)),
        AccessScope(("a",), ("b",)),
        AccessScope((), ("a", "b")),
        AccessScope(("a", "b"), ("",)),
        AccessScope(("a", "b", "\0"), ()),
        AccessScope(("a', 'b",)),
        AccessScope(("ab",)),
    ],
)
def test_different_scopes_have_different_keys(other):
    """Answers are cached under the key: one shared by two scopes would show a caller another one's answer."""
    assert other.key != AccessScope(("a", "b")).key
