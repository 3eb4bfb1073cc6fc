"""Where literals, comments and names begin and end in SQL, by dialect, without a parser.

Journey 1, between a source and the store, where secrets are masked; journey 3, where statements of a log that differ in
literals alone are told to be one. Each text is read once: quantifiers that could be tried twice are possessive, and what
is never closed goes on to the end.
"""

from __future__ import annotations

import re
from functools import cache

# where a backslash escapes, where double quotes hold text, and where # and // begin a comment (the engines' manuals; a
# test compares with sqlglot's tokenizers, because its parser reads what we leave)
BACKSLASH = frozenset({"mysql", "bigquery", "snowflake", "redshift", "databricks", "spark", "hive", "athena", "clickhouse"})
DOUBLE_IS_TEXT = frozenset({"mysql", "bigquery", "databricks", "spark", "hive", "tsql"})
HASH_COMMENTS = frozenset({"mysql", "bigquery", "clickhouse"})
_SLASH_COMMENTS = frozenset({"snowflake"})
_TRIPLE = frozenset({"bigquery"})
_BRACKET_NAMES = frozenset({"tsql", "sqlite"})
_SINGLE = r"'(?:[^']|'')*+(?:'|\Z)"
_SINGLE_ESCAPED = r"'(?:[^'\\]|\\.|'')*+(?:'|\Z)"
_DOUBLE = r'"(?:[^"]|"")*+(?:"|\Z)'
_DOUBLE_ESCAPED = r'"(?:[^"\\]|\\.|"")*+(?:"|\Z)'
_TRIPLES = r"'''(?:[^'\\]|\\.|'(?!''))*+(?:'''|\Z)|\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*+(?:\"\"\"|\Z)"
_PREFIX = r"(?:[uU]&|[nNbBxXrR]|[rR][bB]|[bB][rR]|_[a-zA-Z0-9]++(?='))?"
_ORACLE = (
    r"[nN]?[qQ]'(?:\[(?:.*?\]'|.*+)|\{(?:.*?\}'|.*+)|\((?:.*?\)'|.*+)|<(?:.*?>'|.*+)|(?P<mark>[!|#~])(?:.*?(?P=mark)'|.*+))"
)


@cache
def tokens_of(dialect: str) -> re.Pattern[str]:
    """A pattern whose matches, one after the other, are the whole text; `lastgroup` is the kind of each.

    Kinds: `comment`, `literal`, `dollar` (a literal between dollar signs), `hex`, `name` (quoted), `word`, `op`, `space`,
    `other`.
    """
    comments = "|".join(
        (
            r"--[^\n]*+",
            r"/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)",
            *([r"\#[^\n]*+"] if dialect in HASH_COMMENTS else []),
            *([r"//[^\n]*+"] if dialect in _SLASH_COMMENTS else []),
        )
    )
    escaped = dialect in BACKSLASH
    single, double = (_SINGLE_ESCAPED, _DOUBLE_ESCAPED) if escaped else (_SINGLE, _DOUBLE)
    literals = [rf"[eE]{_SINGLE_ESCAPED}", rf"{_PREFIX}{single}"]
    if dialect in DOUBLE_IS_TEXT:
        literals.append(rf"(?:[rR][bB]?|[bB][rR]?)?{double}")
    if dialect in _TRIPLE:
        literals.insert(0, rf"(?:[rR][bB]?|[bB][rR]?)?(?:{_TRIPLES})")
    if dialect == "oracle":
        literals.insert(0, _ORACLE)
    names = [r"`(?:[^`]|``)*+(?:`|\Z)"]
    names += [] if dialect in DOUBLE_IS_TEXT else [_DOUBLE]
    names += [r"\[[^\]]*+(?:\]|\Z)"] if dialect in _BRACKET_NAMES else []
    return re.compile(
        rf"""(?P<comment>{comments})
            |(?P<literal>{"|".join(literals)})
            |(?P<dollar>\$(?P<tag>(?:[A-Za-z_]\w*+)?+)\$(?:.*?\$(?P=tag)\$|.*+))
            |(?P<hex>0[xX][0-9a-fA-F]++)
            |(?P<name>{"|".join(names)})
            |(?P<word>[^\W\d][\w$]*+)
            |(?P<op>\|\||::|:=|==|=>|<>|!=|[=:+,()\[\]{{}}.;])
            |(?P<space>\s++)
            |(?P<other>[\d.]++\w*+|.)""",
        re.VERBOSE | re.DOTALL,
    )


def between_quotes(literal: str, dialect: str) -> tuple[int, int]:
    """Where the text of a token `literal` or `dollar` begins and ends in it, as written, escapes included."""
    prefix = re.match(r"\$\w*\$|\w*&?", literal)
    start = prefix.end() if prefix else 0
    if literal.startswith("$"):
        return start, len(literal) - start if literal.endswith(literal[:start]) and len(literal) > start else len(literal)
    quote = literal[start]
    width = 3 if dialect in _TRIPLE and literal.startswith(quote * 3, start) and len(literal) - start > 5 else 1
    begin = start + width
    closed = literal.endswith(quote * width) and len(literal) >= begin + width
    return begin, len(literal) - width if closed else len(literal)


# conservative: a text in double quotes that may be a name there is left, so that two tables are never taken for one
_NEVER_NAMES = DOUBLE_IS_TEXT - {"tsql"}
_PLAIN = r"(?P<plain>(?:[^\W\d][\w$]*+(?!['\"])|[\s(),.=;*<>+:!|%&^~?@{}]++)++)"
_TAGGED = re.compile(r"\$\w*\$")
_DOLLARS = frozenset(
    {"postgres", "redshift", "duckdb", "clickhouse", "snowflake", "databricks", "materialize", "risingwave"}
)


@cache
def _masked_parts(dialect: str) -> re.Pattern[str]:
    comments = "|".join(
        (
            r"--[^\n]*+",
            r"/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)",
            *([r"\#[^\n]*+"] if dialect in HASH_COMMENTS else []),
            *([r"//[^\n]*+"] if dialect in _SLASH_COMMENTS else []),
        )
    )
    escaped = dialect in BACKSLASH
    single, double = (_SINGLE_ESCAPED, _DOUBLE_ESCAPED) if escaped else (_SINGLE, _DOUBLE)
    literals = [rf"[eE]{_SINGLE_ESCAPED}", rf"{_PREFIX}{single}"]
    if dialect in _NEVER_NAMES:
        literals.append(rf"(?:[rR][bB]?|[bB][rR]?)?{double}")
    if dialect in _TRIPLE:
        literals.insert(0, rf"(?:[rR][bB]?|[bB][rR]?)?(?:{_TRIPLES})")
    if dialect == "oracle":
        literals.insert(0, _ORACLE)
    return re.compile(
        rf"""(?P<comment>{comments})
            |(?P<literal>{"|".join(literals)}|\$(?P<tag>(?:[A-Za-z_]\w*+)?+)\$(?:.*?\$(?P=tag)\$|.*+))
            |(?P<number>(?<![\w$])(?:0[xX][0-9a-fA-F]++|\d[\d_]*+(?:\.\d*+)?+(?:[eE][+\-]?\d++)?+)(?!\w))
            |(?P<name>`(?:[^`]|``)*+(?:`|\Z){"" if dialect in _NEVER_NAMES else "|" + _DOUBLE}
                {"|" + chr(92) + "[[^" + chr(92) + "]]*+(?:" + chr(92) + "]|" + chr(92) + "Z)" if dialect in _BRACKET_NAMES else ""})
            |{_PLAIN}
            |(?P<word>[^\W\d][\w$]*+)""",
        re.VERBOSE | re.DOTALL,
    )


def without_literals(text: str, dialect: str) -> str:
    """`text` with `?` in place of each literal and a space in place of each comment, for comparing; it need not be SQL any more.

    Two texts give the same only where they differ in literals, comments and numbers alone: where it is not sure what is a
    literal in the dialect, the text is given as it is.
    """
    if ("\\" in text and dialect not in BACKSLASH and "\\'" in text) or (
        "$" in text and dialect not in _DOLLARS and _TAGGED.search(text)
    ):
        return text
    return _masked_parts(dialect).sub(_replaced, text)


def _replaced(match: re.Match[str]) -> str:
    match match.lastgroup:
        case "literal" | "tag" | "mark" | "number":
            return "?"
        case "comment":
            return " "
    return match[0]
