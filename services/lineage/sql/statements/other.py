"""What moves no data, and what moves it in words that the parser only keeps as text.

Journey 3, step "SQL → edges".
"""

from __future__ import annotations

import re

from sqlglot import exp

from services.lineage.sql.scope import Env
from services.lineage.sql.statements.alter import swap
from services.lineage.sql.writes import CHANGE, Facts, Write

_NAME = r'((?:[\w$#@-]+|"[^"]+"|`[^`]+`|\[[^\]]+\])(?:\s*\.\s*(?:[\w$#@-]+|"[^"]+"|`[^`]+`|\[[^\]]+\]))*)'
_COMMENTS = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
_RENAMES = re.compile(rf"{_NAME}\s+TO\s+{_NAME}", re.IGNORECASE)
_EXCHANGE = re.compile(
    rf"TABLE\s+{_NAME}\s+(?:EXCHANGE|SWAP|REPLACE)\s+PARTITION\b.*?\b(?:WITH\s+TABLE|FROM)\s+{_NAME}",
    re.IGNORECASE | re.DOTALL,
)
_SWITCH = re.compile(
    rf"TABLE\s+{_NAME}\s+(?:SWITCH|MOVE\s+PARTITION|ATTACH\s+PARTITION)\b.*?\bTO\s+(?:TABLE\s+)?{_NAME}",
    re.IGNORECASE | re.DOTALL,
)
_EXCHANGED = re.compile(rf"TABLES\s+{_NAME}\s+AND\s+{_NAME}", re.IGNORECASE)
"""https://clickhouse.com/docs/sql-reference/statements/exchange"""
_MUTATION = re.compile(rf"TABLE\s+{_NAME}\s+(?:ON\s+CLUSTER\s+\S+\s+)?(?:UPDATE|DELETE)\b", re.IGNORECASE)
_APPEND = re.compile(rf"TABLE\s+{_NAME}\s+APPEND\s+FROM\s+{_NAME}", re.IGNORECASE)


def read_use(node: exp.Expr, env: Env) -> Facts:
    """USE: later names are looked up in another database or schema."""
    kind = str(node.args.get("kind") or "").upper()
    name = node.this.name if isinstance(node.this, exp.Table) else ""
    if not name or kind in ("ROLE", "WAREHOUSE", "SECONDARY ROLES"):
        return Facts("USE")
    over = node.this.args.get("db")
    if over is not None:
        return Facts("USE", use=(over.name, name))
    is_database = kind in ("DATABASE", "CATALOG") or (not kind and env.traits.name in ("tsql", "snowflake", "fabric"))
    return Facts("USE", use=(name, None) if is_database else (None, name))


def read_command(node: exp.Expr, env: Env) -> Facts:
    """A statement that the parser keeps as text: renames and exchanges of partitions are found in it."""
    head = str(node.this).upper()
    rest = str(
        node.args["expression"].name if isinstance(node.args.get("expression"), exp.Expr) else node.args.get("expression")
    )
    rest = _COMMENTS.sub(" ", rest)
    if head == "RENAME":
        pairs = [
            tuple(map(_parts, match)) for match in _RENAMES.findall(re.sub(r"^\s*TABLES?\s+", "", rest, flags=re.IGNORECASE))
        ]
        return Facts("RENAME", renamed=[(env.tables.key(old), env.tables.key(new)) for old, new in pairs])
    if head == "EXCHANGE" and (match := _EXCHANGED.match(rest.strip())):
        return swap(env.tables.key(_parts(match[1])), env.tables.key(_parts(match[2])), "SWAP")
    if head == "ALTER":
        for pattern, turned in ((_EXCHANGE, False), (_APPEND, False), (_SWITCH, True)):
            match = pattern.match(rest.strip())
            if match:
                one, other = env.tables.key(_parts(match[1])), env.tables.key(_parts(match[2]))
                facts = swap(other, one, "SWAP") if turned else swap(one, other, "SWAP")
                facts.swapped = None
                return facts
        match = _MUTATION.match(rest.strip())
        if match:
            return Facts("ALTER_TABLE", [Write(env.tables.key(_parts(match[1])), how=CHANGE)])
    return Facts(head.split()[0] if head.split() else "OTHER")


def _parts(name: str) -> list[str]:
    return [part.strip().strip('"`[]') for part in re.split(r"\s*\.\s*", name)]
