"""A statement without what differs from run to run: the words that its fingerprint is made from.

Journey 3, step "log → facts", run in the worker process only. Nothing of the text leaves: a hash, and names of tables.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

from sqlglot import Token, TokenType
from sqlglot.errors import SqlglotError

from services.common.model.names import SqlPart
from services.common.model.sql_tokens import without_literals
from services.lineage.sql.dialects import dialect_of
from services.lineage.sql.fallback import tables_in
from services.lineage.sql.logged import Shape, Shaped
from services.lineage.sql.statement import TableRef, is_template
from services.lineage.sql.template import rendered
from services.lineage.sql.tokens import word
from services.lineage.sql.trees import Trees

_VALUE = "?"
_VALUES = frozenset(
    kind
    for kind in TokenType
    if kind.name.endswith("STRING") or kind in (TokenType.NUMBER, TokenType.PLACEHOLDER, TokenType.NULL)
) | {TokenType.TRUE, TokenType.FALSE}
_NAMES = (TokenType.VAR, TokenType.IDENTIFIER)
_ENDS_OPERAND = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, *_NAMES, *_VALUES})
_LIST = re.compile(r"([(\[]) \?(?: , \?)+ (?=[)\]])")
_ROWS = re.compile(r"(\( \? \))(?: , \( \? \))+")


def read_shape(question: Shape) -> Shaped:
    """The hash of what is left, and the names in it. A text that cannot be told apart into words is one word without literals."""
    dialect = dialect_of(question.dialect)[0]
    sql = rendered(question.sql).sql if is_template(question.sql) else question.sql
    try:
        tokens = [token for token in Trees(dialect).tokens(sql) if token.token_type is not TokenType.SEMICOLON]
    except SqlglotError:
        return Shaped(_digest(dialect, " ".join(without_literals(sql, dialect).split())))
    text = " ".join(_words(tokens, folds=question.folds))
    text = _ROWS.sub(r"\1", _LIST.sub(r"\1 ? ", text))
    quoted = {token.text for token in tokens if token.token_type is TokenType.IDENTIFIER}
    names = {_ref(name, quoted) for both in tables_in(tokens) for name in both}
    return Shaped(_digest(dialect, text), tuple(sorted(names, key=lambda ref: [part.text for part in ref])))


def _words(tokens: Sequence[Token], *, folds: bool) -> Iterator[str]:
    in_hint = False
    before: Token | None = None
    for at, token in enumerate(tokens):
        kind = token.token_type
        after = tokens[at + 1].token_type if at + 1 < len(tokens) else None
        if kind is TokenType.HINT or in_hint:
            in_hint = not (in_hint and token.text == "*/")
            continue
        if kind in _VALUES:
            if before is None or before.token_type is not TokenType.PARAMETER:
                yield _VALUE
        elif kind is TokenType.PARAMETER and after in (TokenType.NUMBER, TokenType.VAR):
            yield _VALUE if after is TokenType.NUMBER else token.text
        elif kind is TokenType.DASH and after is TokenType.NUMBER and _begins_operand(before):
            pass  # the sign of a number
        elif kind is TokenType.IDENTIFIER:
            yield '"' + token.text.replace('"', '""') + '"'
        elif kind is TokenType.VAR:
            is_call = after is TokenType.L_PAREN
            yield token.text.lower() if folds or is_call else token.text
        else:
            yield word(token) or token.text
        before = token


def _begins_operand(before: Token | None) -> bool:
    return before is None or before.token_type not in _ENDS_OPERAND


def _ref(name: tuple[str, ...], quoted: set[str]) -> TableRef:
    return tuple(SqlPart(part, part in quoted) for part in name)


def _digest(dialect: str, text: str) -> str:
    return hashlib.blake2b(f"{dialect}\n{text}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
