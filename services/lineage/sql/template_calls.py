"""What calls in a template stand for: dbt's own, those of its common packages, and placeholders for the others.

Journey 3, step "SQL → edges", used by `template`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from services.lineage.sql.scope import PLACEHOLDER

_REFERENCE = re.compile(
    r"\b(ref|source)\s*\(\s*(?:(['\"])(?P<a>[^'\"]+)\2)?(?:\s*,\s*(['\"])(?P<b>[^'\"]+)\4)?(?:\s*,\s*\w+\s*=\s*[^)]*)?\s*\)"
)
_SILENT = re.compile(r"^(?:config|log|return|print|exceptions?|docs|set_sql_header|run_query|do)\b")
_TYPES = re.compile(r"^(?:\w+\.)?(?:type_(\w+)|api\.Column\.translate_type\(['\"](\w+))")
_CALL = re.compile(r"^([\w.]+)\s*\((.*)\)\s*(?:\|.*)?$", re.DOTALL)
_LITERAL = re.compile(r"^(['\"])(.*)\1$", re.DOTALL)
_EXPECTS = re.compile(
    r"(?:[,(=+\-*/|<>.]|\b(?:select|distinct|as|by|and|or|not|on|when|then|else|from|join|where|having|in|like|between"
    r"|interval|over|union|all|case|into|update|using|with|limit|set|qualify|values))\s*$",
    re.IGNORECASE,
)
_QUERY_MACROS = ("union_relations", "union_data", "date_spine", "unpivot", "deduplicate", "get_filtered_columns")
_DECLARED = re.compile(r"--\s*depends_on:[^\n]*$")
_QUOTES = re.compile(r"^(?:quote\w*|column_ref|adapter\.quote|as_column)$")
_KEY_MACROS = ("generate_surrogate_key", "surrogate_key", "concat", "safe_divide", "safe_cast", "hash", "cast_bool_to_text")


class Calls:
    """Turns the insides of `{{ … }}` into text.

    Attributes:
        texts: what names of the template stand for.
        named: models and sources that calls name whose text is not known.
        loop: whether the innermost loop is at its first and at its last turn; None outside of loops.

    """

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.lists: dict[str, list[str]] = {}
        self.named: list[str] = []
        self.loop: tuple[bool, bool] | None = None
        self._count = 0

    def text(self, inside: str, before: str) -> str:
        """The text that stands for a value.

        Args:
            inside: what stands between the braces.
            before: the end of the text so far: what comes after a comma must be an expression, what comes after one need not.

        """
        inside = inside.strip()
        reference = _REFERENCE.fullmatch(inside)
        if reference:
            if _DECLARED.search(before):
                self.mentions(inside)
            return reference_text(reference)
        if inside in self.texts:
            return self.texts[inside]
        literal = _LITERAL.match(inside)
        if literal and literal[1] not in literal[2]:
            return literal[2]
        if inside == "this":
            return "__jinja_this"
        if _SILENT.match(inside):
            self.mentions(inside)
            return ""
        return self._called(inside, before)

    def _called(self, inside: str, before: str) -> str:
        if _TYPES.match(inside):
            return "varchar"
        call = _CALL.match(inside)
        name = call[1].rpartition(".")[2] if call else ""
        references = [reference_text(found) for found in _REFERENCE.finditer(inside)]
        self.named.extend(references)
        if name in _QUERY_MACROS and (found := references or _bare_relations(inside)):
            return "(" + " union all ".join(f"select * from {one}" for one in found) + ")"  # noqa: S608 - parsed, never run
        if name == "star":
            return "*"
        strings = re.findall(r"['\"](\w+)['\"]", call[2]) if call else []
        if call and strings and _QUOTES.match(call[1]):
            return ".".join(strings)
        if not _EXPECTS.search(before) and before.strip():
            return ""
        self._count += 1
        placeholder = f"{PLACEHOLDER}_{self._count}"
        columns = _column_arguments(call[2]) if call and (name in _KEY_MACROS or not references) else []
        return f"{placeholder}({', '.join(columns)})" if columns else placeholder

    def mentions(self, inside: str) -> None:
        """Note the models and sources that a text names."""
        self.named.extend(reference_text(found) for found in _REFERENCE.finditer(inside))

    def mentions_of(self, texts: Iterable[str]) -> None:
        """Note those of several texts."""
        for text in texts:
            self.mentions(text)

    def assign(self, name: str, value: str) -> None:
        """`set name = value`."""
        reference = _REFERENCE.fullmatch(value)
        literal = _LITERAL.match(value)
        found = listed(value, self)
        if reference:
            self.texts[name] = reference_text(reference)
        elif literal and literal[1] not in literal[2]:
            self.texts[name] = literal[2]
        elif found is not None:
            self.lists[name] = found
        else:
            self.mentions(value)

    def truth(self, condition: str) -> bool | None:
        """Whether a condition holds, where that can be told: about the turn of a loop, and dbt's `execute`."""
        text = re.sub(r"\s+", " ", condition.strip().strip("()"))
        if text in ("execute", "true", "True"):
            return True
        if text in ("false", "False", "not execute"):
            return False
        place = re.fullmatch(r"(not )?loop\.(first|last)", text)
        if place is None:
            return None
        first, last = self.loop or (True, True)
        holds = first if place[2] == "first" else last
        return not holds if place[1] else holds


def reference_text(match: re.Match[str]) -> str:
    """The name that `ref('model')`, `ref('package', 'model')` or `source('schema', 'table')` stands for."""
    parts = [part for part in (match["a"], match["b"]) if part]
    if not parts:
        return f"{PLACEHOLDER}_ref"
    names = parts if match[1] == "source" else parts[-1:]
    return ".".join(name if re.fullmatch(r"\w+", name) else f'"{name}"' for name in names)


def listed(text: str, calls: Calls) -> list[str] | None:
    """The strings of a list that is written out or set before; None for anything else."""
    if text in calls.lists:
        return calls.lists[text]
    if not text.startswith(("[", "(")):
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if isinstance(value, list | tuple) and all(isinstance(one, str | int) for one in value):
        return [str(one) for one in value]
    return None


def _column_arguments(arguments: str) -> list[str]:
    """String arguments that look like columns: macros are given the names of what they read."""
    found = re.findall(r"['\"]([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)['\"]", arguments)
    return found[:20]


def _bare_relations(inside: str) -> list[str]:
    """The names in a macro's list of relations, where they are variables of the template."""
    found = re.search(r"\[([^\[\]]*)\]", inside)
    names = [name.strip() for name in found[1].split(",")] if found else []
    return [name for name in names if re.fullmatch(r"[A-Za-z_][\w.]*", name)]
