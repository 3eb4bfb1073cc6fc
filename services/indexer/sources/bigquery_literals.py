r"""The literals in which BigQuery shows options: `"a \"quoted\" text"` and `[STRUCT("label", "value"), …]`, read as texts.

Journey 1, step 1; used by `bigquery_rows` alone. Grammar: GoogleSQL's reference, "Lexical structure", string literals.
"""

from __future__ import annotations

import re

_QUOTE = r'(?P<quote>"""|\'\'\'|"|\')'
_STRING = re.compile(rf"(?P<raw>[rR]?){_QUOTE}(?P<body>(?:\\.|(?!(?P=quote)).)*)(?P=quote)", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:(?P<octal>[0-3][0-7]{2})|[xX](?P<byte>[0-9a-fA-F]{2})|u(?P<short>[0-9a-fA-F]{4})"
    r"|U(?P<long>[0-9a-fA-F]{8})|(?P<sign>.))",
    re.DOTALL,
)
_SIGNS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_LAST_CODE_POINT = 0x10FFFF


def text_of(literal: str) -> str:
    """What a string literal means; text that is no literal is kept as it is."""
    match = _STRING.fullmatch(literal.strip())
    return _unescaped(match) if match else literal


def labels_of(literal: str) -> tuple[str, ...]:
    """Labels as tags, `name:value` or, where the value is empty, the name; in the order of their names."""
    texts = [_unescaped(match) for match in _STRING.finditer(literal)]
    pairs = zip(texts[::2], texts[1::2], strict=False)
    return tuple(sorted(f"{name}:{value}" if value else name for name, value in pairs))


def _unescaped(match: re.Match[str]) -> str:
    return match["body"] if match["raw"] else _ESCAPE.sub(_meant, match["body"])


def _meant(escape: re.Match[str]) -> str:
    for group, base in (("octal", 8), ("byte", 16), ("short", 16), ("long", 16)):
        if escape[group] is not None:
            code = int(escape[group], base)
            return chr(code) if code <= _LAST_CODE_POINT else escape[0]
    return _SIGNS.get(escape["sign"], escape["sign"])
