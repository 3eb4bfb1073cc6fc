"""Which columns a condition compares to put rows together: what `a JOIN b ON a.id = b.a_id` says beside its edges.

Journey 3, step "log → facts". Read off the same scopes as the edges; a condition that is no equality of two columns says
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from services.lineage.sql.facts import TableKey
from services.lineage.sql.relation import ALL, Direct
from services.lineage.sql.scope import Scope

INNER = "inner"
_EQUAL = (exp.EQ, exp.NullSafeEQ)
_KINDS = {"LEFT": "left", "RIGHT": "right", "FULL": "full", "SEMI": "semi", "ANTI": "anti", "ASOF": "asof"}


def kind_of(join: exp.Expr) -> str:
    """A join's kind in the words of `JoinFact`."""
    words = [str(join.args.get(key) or "").upper() for key in ("method", "kind", "side")]
    return next((_KINDS[word] for word in words if word in _KINDS), INNER)


def note(condition: exp.Expr | None, scope: Scope, kind: str) -> None:
    """Put the pairs that a condition compares to those of the statement."""
    for part in _conjuncts(condition):
        if isinstance(part, _EQUAL):
            left, right = _column(part.this, scope), _column(part.expression, scope)
            if left is not None and right is not None:
                add(scope, left, right, kind)


def add(scope: Scope, left: tuple[TableKey, str], right: tuple[TableKey, str], kind: str) -> None:
    """Put one pair to those of the statement. A column compared with itself, in two rows of one table, is none."""
    if left != right:
        scope.env.pairs.setdefault((left, right, kind))


def only(direct: Direct) -> tuple[TableKey, str] | None:
    """The one column of a table that an expression reads; None where there are several or it cannot be told."""
    if len(direct) != 1:
        return None
    ((table, key),) = direct
    return None if table is None or key == ALL else (table, key)


def _conjuncts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    stack = [condition]
    while stack:
        node = stack.pop()
        if isinstance(node, exp.Where | exp.Having | exp.Qualify | exp.Paren):
            stack.append(node.this)
        elif isinstance(node, exp.And):
            stack.extend((node.expression, node.this))
        elif node is not None:
            yield node


def _column(node: exp.Expr, scope: Scope) -> tuple[TableKey, str] | None:
    """The column that one side of an equality is made from: itself, or in a cast or a function of it alone."""
    if not isinstance(node, exp.Column):
        if isinstance(node, exp.Literal) or node.find(exp.Query, exp.Subquery, exp.AggFunc) is not None:
            return None
        columns = list(node.find_all(exp.Column))
        if len(columns) != 1:
            return None
        node = columns[0]
    return None if isinstance(node.this, exp.Star) else only(scope.resolve(node)[0])
