"""Secrets in SQL: literals are told from code as the engine's dialect tells them, so that what is left still parses.

Journey 1, between a source and the store. One walk over the tokens; what stands inside a literal or a comment is left to
`secret_text`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise

from services.common.model.secret_text import MASK, is_secret_name, masked_text, may_hold_secret
from services.common.model.sql_tokens import between_quotes, tokens_of

_LITERAL = f"'{MASK}'"
_COMPARES = frozenset({"=", "==", "<>", "!=", ":=", "=>", ":"})
_TYPES = frozenset({"bpchar", "char", "character", "citext", "string", "text", "varchar", "varying"})
# functions whose arguments are keys: pgp_sym_decrypt, AES_ENCRYPT, DecryptByPassphrase, crypt, hmac
_CIPHERS = re.compile(r"\w*crypt\w*|hmac\w*", re.IGNORECASE)
# ClickHouse's table functions take user and password by position
_REMOTE = frozenset(
    {"azureblobstorage", "gcs", "mongodb", "mysql", "postgresql", "redis", "remote", "remotesecure", "s3", "s3cluster"}
)
_MAKES_SECRET = frozenset({"create", "persistent", "replace", "temporary"})
_ENDS_WITH_KEY = re.compile(r"(?<!\w)(?P<key>\w++)\s*+=\s*+\Z")
_TAIL_CHARS = 200


class _At(Enum):
    """How the walk came to where it is."""

    IDLE = "nothing is expected"
    KEY = "behind a name that is one of a secret"
    CAST = "behind such a name and ::"
    FOR = "behind PASSWORD FOR, before its ="
    LITERAL_KEY = "behind a literal that is such a name"
    VALUE = "where the value of a secret begins"
    WORD = "behind a word where such a value began: a function, a type, ANY"
    VALUED = "behind such a value"
    TAIL = "behind a literal that ends with such a name and ="
    IDENTIFIED = "behind IDENTIFIED"
    BY = "behind IDENTIFIED BY"
    CLAUSE = "behind CREATE SECRET or the name of a cipher, before its bracket"


_BEFORE_VALUE = frozenset({_At.KEY, _At.VALUE, _At.WORD, _At.VALUED, _At.BY})
_PATIENT = frozenset({_At.FOR, _At.IDENTIFIED})
# where the walk is, the operator that comes, where it is then
_OPERATORS = (
    ((_At.KEY, _At.CAST, _At.FOR, _At.LITERAL_KEY), _COMPARES, _At.VALUE),
    ((_At.KEY,), ("::",), _At.CAST),
    ((_At.VALUED,), ("::",), _At.VALUED),
    ((_At.VALUED, _At.WORD, _At.TAIL), ("||", "+"), _At.VALUE),
    ((_At.TAIL,), (",",), _At.VALUE),
    ((_At.WORD, _At.VALUE), (".",), _At.WORD),
    ((_At.IDENTIFIED,), _COMPARES, _At.IDENTIFIED),
)


def masked_sql(text: str, dialect: str = "") -> str:
    """`text` with the secrets in its literals and comments shown as `'***'`; the same text where there is none.

    Names are left as they are: a column called `password` is no secret. Idempotent, linear in the text's length.

    Args:
        text: a view's definition, a default, an expression.
        dialect: sqlglot's name of its SQL, as in `Platform.dialect`; empty where nobody knows.

    """
    if may_hold_secret(text) or dialect == "clickhouse":
        return _walked(text, _Walk(dialect))
    return text


def masked_literals(text: str, dialect: str = "") -> str:
    """`text` with every literal that is not empty shown as `'***'`: for the default of a column that holds a secret."""
    return _walked(text, _Walk(dialect, inside=[True]))


def _walked(text: str, walk: _Walk) -> str:
    tokens = tokens_of(walk.dialect)
    for match in tokens.finditer(text):
        walk.take(match.lastgroup or "other", match[0])
    pieces = walk.out[:1]
    for before, piece in pairwise(walk.out):
        # what is masked would be read as one with what stands before it: a literal, or a word that may begin one
        first = tokens.match(before + piece) if piece.startswith("'") else None
        pieces += (" ", piece) if first is not None and first.end() > len(before) else (piece,)
    return "".join(pieces)


@dataclass(slots=True)
class _Walk:
    """The tokens so far, masked, and what the next one may be.

    Attributes:
        inside: for each open bracket, outermost first, whether every literal in it is a secret.
        last: where in `out` the literal is that a name may follow (`'x' AS password`, `'x' = t.password`), else None.
        arrow: whether AS or a comparison stands behind that literal.
        before: the token before, in lower case.

    """

    dialect: str
    out: list[str] = field(default_factory=list)
    inside: list[bool] = field(default_factory=lambda: [False])
    at: _At = _At.IDLE
    last: int | None = None
    arrow: bool = False
    before: str = ""

    def take(self, kind: str, text: str) -> None:
        """Take one token over."""
        if kind == "space":
            self.out.append(text)
            return
        if kind == "comment":
            end = len(text) - 2 if text.startswith("/*") and text.endswith("*/") and len(text) > 3 else len(text)
            self.out.append(masked_text(text[:end], prose=True) + text[end:])
            return
        if kind in ("literal", "dollar"):
            self._literal(text)
        elif kind == "word":
            self._word(text)
        elif kind == "op":
            self._op(text)
        elif kind == "name":
            self._name(text)
        elif kind == "hex" and (self.inside[-1] or self.at in _BEFORE_VALUE):
            self._mask()
        else:
            self._other(text)
        self.before = text.lower() if kind == "word" else text

    def _literal(self, text: str) -> None:
        begin, end = between_quotes(text, self.dialect)
        inner = text[begin:end]
        if inner and (self.inside[-1] or self.at in _BEFORE_VALUE):
            self._mask()
            return
        self.last, self.arrow = len(self.out), False
        self.out.append(text[:begin] + masked_text(inner) + text[end:])
        if self.at in _PATIENT:
            return
        tail = _ENDS_WITH_KEY.search(inner[-_TAIL_CHARS:])
        if tail is not None and is_secret_name(tail["key"]):
            self.at = _At.TAIL
        else:
            self.at = _At.LITERAL_KEY if is_secret_name(inner) else _At.IDLE

    def _mask(self) -> None:
        self.out.append(_LITERAL)
        self.at, self.last = _At.VALUED, None

    def _name(self, text: str) -> None:
        if self.at is _At.BY or (self.inside[-1] and self.at is _At.VALUE):
            self._mask()
        else:
            self.out.append(text)
            self._called(text[1:-1])

    def _word(self, text: str) -> None:
        low = text.lower()
        if self.at is _At.BY and low not in ("password", "values", "random", "null"):
            self._mask()
            return
        self.out.append(text)
        if low == "select":
            self.inside[-1] = False
        if low == "as" and self.last is not None:
            self.arrow = True
        if not self._is_between(low):
            self._called(text)

    def _is_between(self, low: str) -> bool:
        """Whether a word changes nothing but how far the walk has come."""
        match self.at:
            case _At.IDENTIFIED if low in ("by", "as", "using"):
                self.at = _At.BY
            case _At.IDENTIFIED | _At.FOR | _At.BY:
                pass
            case _At.CLAUSE if self.before in ("secret", "exists") or low in ("if", "not", "exists", "in"):
                pass
            case _At.KEY if low in ("as", "to", "not"):
                pass
            case _At.KEY if low == "for":
                self.at = _At.FOR
            case _At.KEY | _At.CAST if low == "in":
                self.at = _At.VALUE
            case _At.CAST | _At.VALUED if low in _TYPES:
                pass
            case _At.VALUE if low not in ("null", "select", "case"):
                self.at = _At.WORD
            case _:
                return self.last is not None and low in ("as", *_TYPES)
        return True

    def _called(self, name: str) -> None:
        """A word or a quoted name that may be the name of a secret, a function or a clause."""
        low = name.lower()
        is_secret = is_secret_name(name)
        if self.last is not None and self.arrow and is_secret:
            self.out[self.last] = _LITERAL
            self.last = None
        elif self.before not in ("as", "=", ".", "("):
            self.last = None
        if low == "identified":
            self.at = _At.IDENTIFIED
        elif self._takes_secrets(name):
            self.at = _At.CLAUSE
        else:
            self.at = _At.KEY if is_secret else _At.IDLE

    def _takes_secrets(self, name: str) -> bool:
        """Whether all that may stand in the brackets behind a name is to be masked."""
        low = name.lower()
        if low == "secret" and self.before in _MAKES_SECRET:
            return True
        return _CIPHERS.fullmatch(name) is not None or (self.dialect == "clickhouse" and low in _REMOTE)

    def _op(self, text: str) -> None:
        self.out.append(text)
        if self.last is not None:
            self.arrow = self.arrow or text in _COMPARES
            self.last = self.last if text in ("::", ")", "(", ".", "=", "<>", "!=") else None
        if text in ("(", "[", "{"):
            deep = self.at in (_At.VALUE, _At.WORD, _At.KEY, _At.CLAUSE)
            self.inside.append(self.inside[-1] or deep)
            self.at = _At.IDLE
        elif text in (")", "]", "}"):
            deep = self.inside.pop() if len(self.inside) > 1 else False
            if self.at not in (_At.KEY, _At.CAST):
                self.at = _At.VALUED if deep and not self.inside[-1] else _At.IDLE
        else:
            self.at = self._behind(text)

    def _behind(self, op: str) -> _At:
        if self.at in _PATIENT and op not in _COMPARES:
            return self.at
        return next((then for at, ops, then in _OPERATORS if self.at in at and op in ops), _At.IDLE)

    def _other(self, text: str) -> None:
        self.out.append(text)
        self.last = None
        if self.at not in _PATIENT:
            self.at = _At.IDLE
