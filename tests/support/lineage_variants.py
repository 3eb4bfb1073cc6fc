"""The same SQL in other words: renamed, laid out anew, with comments, sources wrapped, a WITH turned into a table.

Used by tests and by the benchmark. A variant comes with what its answer must be turned back by before it is compared.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect

from services.lineage.sql.dialects import dialect_of
from services.lineage.sql.facts import Lineage
from services.lineage.sql.script import Script

Edge = tuple[str, str, str, str]
Answer = tuple[frozenset[str], frozenset[str], frozenset[Edge]]


@dataclass(frozen=True)
class Variant:
    """A text and the words that were renamed in it, new to old."""

    name: str
    script: Script
    words: dict[str, str] = field(default_factory=dict)


def answer(lineage: Lineage, words: dict[str, str]) -> Answer:
    """What is compared: sources, targets and direct edges, in the words of the original, without case and spaces."""

    def back(text: str | None) -> str:
        if text is None:
            return "?"
        low = re.sub(r"\w+", lambda match: words.get(match[0], match[0]), text.lower())
        return re.sub(r"[\s\"'`\[\]]+", "", low)

    edges = frozenset(
        (back(edge.source), back(edge.column), back(edge.target), back(edge.into))
        for edge in lineage.column_edges
        if edge.kind.direct
    )
    return frozenset(map(back, lineage.sources)), frozenset(map(back, lineage.targets)), edges


ENOUGH = 20
"""Distinct variants of each text, at least."""


def variants(script: Script, seed: int = 1) -> Iterator[Variant]:
    """At least `ENOUGH` distinct variants of a text that its dialect can tokenize; where little can be changed in it, more around it."""
    rng = random.Random(seed)
    seen = {script.sql}
    for variant in (*_inside(script, rng), *(_framed(script, rng, f"framed {at}") for at in range(ENOUGH))):
        is_one_more = len(seen) <= ENOUGH or not variant.name.startswith("framed")
        if is_one_more and variant.script.sql not in seen:
            seen.add(variant.script.sql)
            yield variant


def _inside(script: Script, rng: random.Random) -> Iterator[Variant]:
    for at in range(8):
        yield from _laid_out(script, rng, f"laid out {at}")
    for at in range(6):
        yield from _commented(script, rng, f"commented {at}")
        yield from _recased(script, rng, f"re-cased {at}")
    for at in range(4):
        yield from _renamed(script, rng, f"renamed {at}")
    for at in range(2):
        yield from _aliased(script, rng, f"aliased {at}")
    yield from _wrapped(script, rng)
    yield from _as_table(script)


def _framed(script: Script, rng: random.Random, name: str) -> Variant:
    """Lines of comments above and below, as editors and teams leave them; the text itself may be one whose lines mean something."""

    def lines() -> str:
        about = ("FROM secret", "; SELECT 1", "JOIN nothing", "owner: x")
        forms = ("-- {}\n", "/* {} */\n", "/*\n * {}\n */\n", "\n")
        return "".join(
            rng.choice(forms).format(f"{rng.choice(about)} {rng.randrange(10_000)}") for _ in range(rng.randrange(1, 4))
        )

    return Variant(name, replace(script, sql=f"{lines()}-- {name}\n{script.sql}\n{lines()}"))


def _dialect(script: Script) -> Dialect:
    return Dialect.get_or_raise(dialect_of(script.dialect)[0])


def _tokens(script: Script) -> list[Token]:
    return _dialect(script).tokenize(script.sql)


def _rebuilt(
    script: Script,
    between: Callable[[Token, Token, str], str],
    text: Callable[[Token, str], str] = lambda _, written: written,
) -> str:
    """The text from its tokens, with something else between and in them; what a template has in it is left alone."""
    tokens = _tokens(script)
    parts: list[str] = []
    for at, token in enumerate(tokens):
        if at:
            gap = script.sql[tokens[at - 1].end + 1 : token.start]
            parts.append(between(tokens[at - 1], token, gap))
        parts.append(text(token, script.sql[token.start : token.end + 1]))
    return "".join(parts)


def _is_plain_gap(gap: str) -> bool:
    return gap.isspace() and bool(gap)


def _keeps_lines(script: Script) -> bool:
    """Texts where a line's end means something: batches, clients' commands, templates, raw commands."""
    return bool(re.search(r"(?im)^\s*(?:GO|/)\s*$|\{[{%#]|^\s*(?:delimiter|\\)", script.sql))


def _laid_out(script: Script, rng: random.Random, name: str) -> Iterator[Variant]:
    if _keeps_lines(script):
        return
    spaces = [" ", "\n", "\n    ", "  ", "\t", "\r\n"]
    tight = rng.random() < 0.5

    def between(_before: Token, _after: Token, gap: str) -> str:
        if _is_plain_gap(gap):
            return rng.choice(spaces)
        return gap

    sql = _rebuilt(script, between)
    yield Variant(name, replace(script, sql=f"\n{sql}\n" if tight else f"  {sql}"))


def _commented(script: Script, rng: random.Random, name: str) -> Iterator[Variant]:
    if _keeps_lines(script):
        return
    texts = ["/* FROM secret */", "/* ; SELECT 1 */", "-- JOIN nothing\n", "/* a, b */"]

    def between(before: Token, after: Token, gap: str) -> str:
        calm = before.token_type is not TokenType.COMMAND and after.token_type is not TokenType.COMMAND
        if _is_plain_gap(gap) and calm and rng.random() < 0.3:
            return f" {rng.choice(texts)} "
        return gap

    tokens = _tokens(script)
    if any(token.token_type is TokenType.COMMAND for token in tokens):
        return
    yield Variant(name, replace(script, sql=f"-- a script\n{_rebuilt(script, between)}\n/* end */"))


def _recased(script: Script, rng: random.Random, name: str) -> Iterator[Variant]:
    """Keywords in another case; names, quoted or not, stay."""
    how = rng.choice([str.lower, str.upper, str.title])
    if _keeps_lines(script):
        return

    def text(token: Token, written: str) -> str:
        fixed = token.token_type in (TokenType.VAR, TokenType.IDENTIFIER, TokenType.STRING, TokenType.NUMBER)
        return written if fixed or not written.isalpha() else how(written)

    tokens = _tokens(script)
    if any(token.token_type is TokenType.COMMAND for token in tokens):
        return
    yield Variant(name, replace(script, sql=_rebuilt(script, lambda _b, _a, gap: gap, text)))


def _trees(script: Script) -> list[exp.Expr]:
    found = _dialect(script).parse(script.sql)
    return [tree for tree in found if tree is not None]


def _text(trees: list[exp.Expr], script: Script) -> str:
    return ";\n".join(tree.sql(dialect=dialect_of(script.dialect)[0]) for tree in trees)


def _is_regular(script: Script) -> bool:
    """Whether the parser takes the text and writes it back as something that it takes: else trees cannot be changed."""
    try:
        trees = _trees(script)
        if not trees or any(isinstance(tree, exp.Command) or tree.find(exp.Command) for tree in trees):
            return False
        if any(isinstance(tree, exp.Create) and tree.kind in ("PROCEDURE", "FUNCTION") for tree in trees):
            return False
        again = _trees(replace(script, sql=_text(trees, script)))
    except Exception:
        return False
    return len(again) == len(trees)


def _is_named(script: Script) -> bool:
    """Whether every column that is given out has a name: others are called as they are written, which changes."""
    selects = [select for tree in _trees(script) for select in tree.find_all(exp.Select)]
    members = [member for select in selects for member in select.expressions]
    return all(isinstance(member, exp.Alias | exp.Column | exp.Star | exp.Literal) for member in members)


def _renamed(script: Script, rng: random.Random, name: str) -> Iterator[Variant]:
    """Every name of the text and of the schema becomes another one, the same everywhere."""
    if not _is_regular(script):
        return
    trees = _trees(script)
    tag = f"zz{rng.randrange(100, 999)}"
    called = {node.name.lower() for tree in trees for node in tree.find_all(exp.Anonymous)}
    kinds = (TokenType.VAR, TokenType.IDENTIFIER)
    fixed = _FIXED | called | {token.text.lower() for token in _tokens(script) if token.token_type not in kinds}
    names = {node.name.lower() for tree in trees for node in tree.find_all(exp.Identifier)} - fixed
    words: dict[str, str] = {}

    def new(old: str) -> str:
        low = old.lower()
        if not re.fullmatch(r"[a-z_]\w*", low) or low in fixed:
            return old
        words.setdefault(f"{tag}_{low}", low)
        return f"{tag}_{low}"

    def text(token: Token, written: str) -> str:
        is_name = token.token_type in kinds and token.text.lower() in names
        return written.replace(token.text, new(token.text)) if is_name else written

    sql = _rebuilt(script, lambda _b, _a, gap: gap, text)
    schema = {
        ".".join(map(new, table.split("."))): [new(column) for column in columns] for table, columns in script.schema.items()
    }
    yield Variant(name, replace(script, sql=sql, schema=schema), words)


_FIXED = frozenset(
    [
        "level",
        "rownum",
        "sysdate",
        "flatten",
        "value",
        "index",
        "this",
        "key",
        "seq",
        "path",
        "excluded",
        "inserted",
        "deleted",
        "new",
        "public",
        "dual",
        "parquet",
        "csv",
        "json",
        "orc",
        "delta",
        "int",
        "string",
    ]
)
"""Names that the engine gives, or that say how a file is read."""


def _aliased(script: Script, rng: random.Random, name: str) -> Iterator[Variant]:
    """Tables and subqueries go by other aliases."""
    if not _is_regular(script) or not _is_named(script):
        return
    trees = _trees(script)
    count = rng.randrange(10, 90)
    changed = False
    for tree in trees:
        for select in tree.find_all(exp.Select):
            sources = [
                part.this for part in (select.args.get("from_"), *(select.args.get("joins") or ())) if part is not None
            ]
            for source in sources:
                alias = source.args.get("alias") if isinstance(source, exp.Table | exp.Subquery) else None
                if not isinstance(alias, exp.TableAlias) or alias.this is None or alias.args.get("columns"):
                    continue
                old, count = alias.this.name, count + 1
                if any(s is not source and s.alias_or_name.lower() == old.lower() for s in sources):
                    continue
                if not _only_here(select, old):
                    continue
                alias.set("this", exp.to_identifier(f"al{count}"))
                for column in select.find_all(exp.Column):
                    if column.table.lower() == old.lower() and column.args.get("db") is None:
                        column.set("table", exp.to_identifier(f"al{count}"))
                changed = True
    if changed:
        yield Variant(name, replace(script, sql=_text(trees, script)))


def _only_here(select: exp.Expr, old: str) -> bool:
    """Whether an alias is used once in a query and not also as the name of a column, a struct or a target."""
    names = [
        alias for alias in select.find_all(exp.TableAlias) if alias.this is not None and alias.name.lower() == old.lower()
    ]
    tables = [
        table
        for table in select.find_all(exp.Table)
        if table.args.get("alias") is None and table.name.lower() == old.lower()
    ]
    columns = [c for c in select.find_all(exp.Column) if c.name.lower() == old.lower() or c.args.get("db") is not None]
    return len(names) == 1 and not tables and not columns and select.find_ancestor(exp.Update, exp.Merge, exp.Delete) is None


def _wrapped(script: Script, rng: random.Random) -> Iterator[Variant]:
    """A source in a subquery, and in a WITH, that selects all of it."""
    if not _is_regular(script) or not _is_named(script):
        return
    for name in ("in a subquery", "in a WITH", "in both"):
        trees = _trees(script)
        if len(trees) != 1:
            return
        found = [table for table in trees[0].find_all(exp.Table) if _may_be_wrapped(table, trees[0])]
        if not found:
            return
        table = rng.choice(found)
        alias = table.alias_or_name
        bare = table.copy()
        bare.set("alias", None)
        query: exp.Expr = exp.select("*").from_(bare)
        if name == "in both":
            query = exp.select("*").from_(query.subquery("wrapped_in"))  # type: ignore[union-attr]
        if name == "in a WITH":
            select = table.find_ancestor(exp.Select)
            if select is None or select.args.get("with_") or not _is_top(select):
                continue
            select.set(
                "with_", exp.With(expressions=[exp.CTE(this=query, alias=exp.TableAlias(this=exp.to_identifier("wrapped")))])
            )
            table.replace(exp.alias_(exp.to_table("wrapped"), alias, table=True))
        else:
            table.replace(exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(alias))))
        yield Variant(name, replace(script, sql=_text(trees, script)))


def _is_top(select: exp.Expr) -> bool:
    return select.parent is None or isinstance(select.parent, exp.Insert | exp.Create)


def _may_be_wrapped(table: exp.Expr, tree: exp.Expr) -> bool:
    """Tables in FROM and JOIN of a query that are named alone, without what only tables have."""
    if not isinstance(table.this, exp.Identifier) or not isinstance(table.parent, exp.From | exp.Join):
        return False
    if any(
        table.args.get(key) for key in ("joins", "pivots", "laterals", "version", "when", "sample", "hints", "partition")
    ):
        return False
    if isinstance(tree, exp.Update | exp.Delete | exp.Merge) and not table.find_ancestor(exp.Select):
        return False
    alias = table.args.get("alias")
    if isinstance(alias, exp.TableAlias) and alias.args.get("columns"):
        return False
    if table.alias and any(column.table.lower() == table.name.lower() for column in tree.find_all(exp.Column)):
        return False  # named by its own name in spite of its alias: a subquery has none
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    unqualified_use = any(column.args.get("db") is not None for column in tree.find_all(exp.Column))
    counted = any(isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star))
    return (
        table.name.lower() not in ctes
        and not unqualified_use
        and not counted
        and table.find_ancestor(exp.Select) is not None
    )


def _as_table(script: Script) -> Iterator[Variant]:
    """The first query of a WITH becomes a temporary table that the script makes before."""
    if not _is_regular(script) or not _is_named(script):
        return
    trees = _trees(script)
    if len(trees) != 1 or not isinstance(trees[0], exp.Select | exp.Insert | exp.Create):
        return
    holder = next(
        (node for node in (trees[0], trees[0].args.get("expression")) if node is not None and node.args.get("with_")), None
    )
    clause = holder.args["with_"] if holder is not None else None
    if (
        clause is None
        or clause.args.get("recursive")
        or len({cte.alias.lower() for cte in clause.expressions}) < len(clause.expressions)
    ):
        return
    first = clause.expressions[0]
    alias = first.args["alias"]
    if alias.args.get("columns") or first.find(exp.With) or not isinstance(first.this, exp.Query):
        return
    if any(
        table.name.lower() == first.alias.lower() and (table.args.get("db") or table in [*first.find_all(exp.Table)])
        for table in trees[0].find_all(exp.Table)
    ):
        return
    made = exp.Create(this=exp.to_table(first.alias), kind="TABLE", expression=first.this.copy())
    if len(clause.expressions) == 1:
        holder.set("with_", None)  # type: ignore[union-attr]
    else:
        first.pop()
    yield Variant("a WITH as a table", replace(script, sql=f"{_text([made], script)};\n{_text(trees, script)}"))
