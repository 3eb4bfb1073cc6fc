"""OUTPUT … INTO of T-SQL: what a statement changes gets into a second table.

Journey 3, step "SQL → edges".
"""

from __future__ import annotations

from sqlglot import exp

from services.lineage.sql.changed_rows import PART
from services.lineage.sql.facts import TableKey
from services.lineage.sql.query import read_query
from services.lineage.sql.relation import Item, Relation, origins
from services.lineage.sql.scope import Env, star_of
from services.lineage.sql.table_names import table_relation
from services.lineage.sql.writes import APPEND, Facts, Write, mapped


def add_output(node: exp.Expr, facts: Facts, env: Env) -> None:
    """Add what OUTPUT puts into a table: `deleted` is the row as it was, `inserted` as it is after the statement."""
    clause = node.args.get("returning")
    into = clause.args.get("into") if clause is not None else None
    target = facts.writes[0].table if facts.writes else None
    if not isinstance(clause, exp.Expr) or not isinstance(into, exp.Expr) or target is None:
        return
    ctes = {"inserted": _after(facts.writes[0], target), "deleted": table_relation(target, env)}
    name, names = _into(into, env)
    if not name:
        return
    relation = read_query(_select(node, clause), env, ctes)
    own = {key for key, _ in origins(relation.items) if key is not None}
    sources = tuple(dict.fromkeys((*env.reads, *sorted(own))))
    rows = facts.writes[0].rows | relation.indirect
    log = Write(env.tables.key(name.split(PART)), mapped(relation, names, env), set(rows), sources, APPEND)
    facts.writes.append(log)
    facts.reads = tuple(dict.fromkeys((*facts.reads, *sources)))


def _into(into: exp.Expr, env: Env) -> tuple[str, list[str] | None]:
    """The table that INTO names, and the columns behind it: the parser takes `log (a, b)` for a call."""
    if isinstance(into, exp.Parameter):
        return f"@{into.name}", None
    if not isinstance(into, exp.Func):
        return f"#{into.name}" if into.args.get("temporary") else into.name, None
    columns = sorted(into.find_all(exp.Column), key=lambda column: column.this.meta.get("start", 0))
    name = into.name if isinstance(into, exp.Anonymous) else into.sql(env.traits.name).partition("(")[0].lower()
    return name, [column.name for column in columns] or None


def _after(write: Write, target: TableKey) -> Relation:
    items: list[Item] = [column for column in write.columns if column.name != "*"]
    return Relation([*items, star_of(target)])


def _select(node: exp.Expr, clause: exp.Expr) -> exp.Expr:
    """What OUTPUT lists, from the two rows and the tables around."""
    select = exp.Select(expressions=list(clause.expressions))
    using, around = node.args.get("using"), node.args.get("from_")
    members = [*(using if isinstance(using, list) else [using]), around.this if isinstance(around, exp.From) else None]
    others = [member for member in members if isinstance(member, exp.Expr)]
    select.set("from_", exp.From(this=exp.to_table("inserted")))
    select.set("joins", [exp.Join(this=one) for one in (exp.to_table("deleted"), *others)])
    return select
