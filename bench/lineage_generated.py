"""Random queries that DuckDB runs: every construct that lineage must follow, over small tables with few values.

Used by `lineage_truth`. All values are whole numbers or short words, every order has a tie-breaker, so that the same rows give
the same answer.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

TABLES = {
    "orders": ["id", "customer_id", "product_id", "qty", "price", "status"],
    "customers": ["id", "region", "tier", "age"],
    "products": ["id", "category", "cost", "weight"],
    "returns": ["id", "product_id", "qty", "reason"],
    "targets": ["region", "goal", "bonus"],
}
"""All columns are integers of a small range, so that joins meet and filters pass."""
NESTED = {"visits": {"id": "INTEGER", "who": "STRUCT(tier INTEGER, age INTEGER)", "pages": "INTEGER[]"}}


@dataclass
class Shape:
    """A query: its text, the names of its columns, and whether it may stand in brackets."""

    sql: str
    columns: list[str]


@dataclass
class Generator:
    """Makes queries from a seed; the same seed makes the same ones."""

    seed: int
    rng: random.Random = field(init=False)
    count: int = 0

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    def name(self, stem: str = "c") -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def query(self, depth: int = 3) -> Shape:
        """A query of random shape."""
        choices = [self.plain, self.plain, self.grouped, self.grouped, self.windowed]
        if depth > 0:
            choices += [self.union, self.with_cte, self.nested, self.using, self.distinct, self.limited]
            choices += [self.starred, self.lateral, self.struct, self.unnested, self.pivoted, self.recursive, self.semi]
            choices += [self.sets, self.qualify, self.unpivoted, self.values, self.named_window]
        return self.rng.choice(choices)(depth)

    # sources

    def source(self, depth: int) -> tuple[str, list[str]]:
        """Text for FROM and the qualified columns it gives."""
        if depth > 0 and self.rng.random() < 0.35:
            inner = self.query(depth - 1)
            alias = self.name("q")
            return f"({inner.sql}) AS {alias}", [f"{alias}.{column}" for column in inner.columns]
        table = self.rng.choice(list(TABLES))
        alias = self.name("t")
        return f"{table} AS {alias}", [f"{alias}.{column}" for column in TABLES[table]]

    def joined(self, depth: int) -> tuple[str, list[str]]:
        """One source, or several joined."""
        text, columns = self.source(depth)
        for _ in range(self.rng.choice([0, 0, 0, 1, 1, 2])):
            other, more = self.source(depth - 1)
            kind = self.rng.choice(["JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "FULL JOIN", "RIGHT JOIN", "JOIN"])
            on = "" if kind == "CROSS JOIN" else f" ON {self.rng.choice(columns)} = {self.rng.choice(more)}"
            text, columns = f"{text} {kind} {other}{on}", [*columns, *more]
        return text, columns

    # expressions

    def expr(self, columns: list[str], depth: int = 2) -> str:
        """A number."""
        rng = self.rng
        if depth <= 0 or rng.random() < 0.35:
            return rng.choice(columns)
        a, b = (self.expr(columns, depth - 1) for _ in range(2))
        table = rng.choice(list(TABLES))
        other = self.name("s")
        return rng.choice(
            [
                f"({a} + {b})",
                f"({a} - 2 * {b})",
                f"abs({a})",
                f"coalesce({a}, {b}, 0)",
                f"greatest({a}, {b})",
                f"CASE WHEN {self.condition(columns, 0)} THEN {a} ELSE {b} END",
                f"CASE {a} WHEN 1 THEN {b} WHEN 2 THEN 7 END",
                f"CAST({a} AS BIGINT)",
                f"nullif({a}, {b})",
                f"if({self.condition(columns, 0)}, {a}, 3)",
                f"(SELECT max({other}.{TABLES[table][1]}) FROM {table} AS {other} WHERE {other}.{TABLES[table][0]} = {a})",
                f"length(concat({a}, '-', {b}))",
            ]
        )

    def condition(self, columns: list[str], depth: int = 1) -> str:
        """Something that is true or false."""
        rng = self.rng
        a, b = rng.choice(columns), rng.choice(columns)
        table = rng.choice(list(TABLES))
        inner = self.name("s")
        column, other = rng.choice(TABLES[table]), rng.choice(TABLES[table])
        simple = [f"{a} > {rng.randint(0, 3)}", f"{a} <= {b}", f"{a} IN (1, 2, 4)", f"{a} BETWEEN 1 AND 3", f"{a} % 2 = 0"]
        if depth <= 0:
            return rng.choice(simple)
        return rng.choice(
            [
                *simple,
                f"({self.condition(columns, 0)} OR {self.condition(columns, 0)})",
                f"{a} IN (SELECT {inner}.{column} FROM {table} AS {inner} WHERE {inner}.{other} > 1)",
                f"EXISTS (SELECT 1 FROM {table} AS {inner} WHERE {inner}.{column} = {a} AND {inner}.{other} < 4)",
                f"NOT EXISTS (SELECT 1 FROM {table} AS {inner} WHERE {inner}.{column} = {a})",
                f"{a} > (SELECT avg({inner}.{column}) FROM {table} AS {inner})",
            ]
        )

    def where(self, columns: list[str]) -> str:
        return f" WHERE {self.condition(columns)}" if self.rng.random() < 0.6 else ""

    def aggregate(self, columns: list[str]) -> str:
        a = self.expr(columns, 1)
        return self.rng.choice(
            [
                f"sum({a})",
                f"max({a})",
                f"min({a})",
                f"count({a})",
                "count(*)",
                f"count(DISTINCT {a})",
                f"sum({a}) FILTER (WHERE {self.condition(columns, 0)})",
                f"round(avg({a}), 3)",
                f"sum(CASE WHEN {self.condition(columns, 0)} THEN 1 ELSE 0 END)",
                f"list_sort(list({a}))::VARCHAR",
            ]
        )

    # queries

    def plain(self, depth: int) -> Shape:
        text, columns = self.joined(depth)
        names = [self.name() for _ in range(self.rng.randint(1, 4))]
        parts = ", ".join(f"{self.expr(columns)} AS {name}" for name in names)
        return Shape(f"SELECT {parts} FROM {text}{self.where(columns)}", names)

    def grouped(self, depth: int) -> Shape:
        text, columns = self.joined(depth)
        keys = [self.expr(columns, 1) for _ in range(self.rng.randint(0, 2))]
        names = [self.name() for _ in keys]
        parts = [f"{key} AS {name}" for key, name in zip(keys, names, strict=True)]
        for _ in range(self.rng.randint(1, 3)):
            names.append(self.name())
            parts.append(f"{self.aggregate(columns)} AS {names[-1]}")
        by = self.rng.choice(
            [", ".join(keys), ", ".join(str(at + 1) for at in range(len(keys))), ", ".join(names[: len(keys)])]
        )
        group = f" GROUP BY {by}" if keys else ""
        having = f" HAVING {self.aggregate_number(columns)} > 1" if keys and self.rng.random() < 0.4 else ""
        return Shape(f"SELECT {', '.join(parts)} FROM {text}{self.where(columns)}{group}{having}", names)

    def aggregate_number(self, columns: list[str]) -> str:
        return self.rng.choice([f"max({self.rng.choice(columns)})", "count(*)", f"sum({self.rng.choice(columns)})"])

    def windowed(self, depth: int) -> Shape:
        text, columns = self.source(depth)
        order = ", ".join(columns)
        names = [self.name(), self.name()]
        part = self.rng.choice(columns)
        call = self.rng.choice(
            [
                f"sum({self.expr(columns, 1)}) OVER (PARTITION BY {part})",
                f"row_number() OVER (PARTITION BY {part} ORDER BY {order})",
                f"lag({self.rng.choice(columns)}) OVER (ORDER BY {order})",
                f"rank() OVER (ORDER BY {part})",
                f"count(*) OVER (PARTITION BY {part})",
                f"max({self.rng.choice(columns)}) OVER (ORDER BY {order} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
            ]
        )
        return Shape(
            f"SELECT {call} AS {names[0]}, {self.expr(columns, 1)} AS {names[1]} FROM {text}{self.where(columns)}", names
        )

    def named_window(self, _depth: int) -> Shape:
        names = [self.name(), self.name()]
        sql = (
            f"SELECT sum(qty) OVER w AS {names[0]}, max(price) OVER w AS {names[1]} FROM orders "
            "WINDOW w AS (PARTITION BY status ORDER BY id, customer_id, product_id, qty, price)"
        )
        return Shape(sql, names)

    def union(self, depth: int) -> Shape:
        left, right = self.query(depth - 1), self.query(depth - 1)
        n = min(len(left.columns), len(right.columns))
        kind = self.rng.choice(["UNION ALL", "UNION", "EXCEPT", "INTERSECT", "UNION ALL"])
        one, two = self.name("u"), self.name("u")
        names = [self.name() for _ in range(n)]
        parts = ", ".join(f"{column} AS {name}" for column, name in zip(left.columns, names, strict=False))
        cast = ", ".join(f"{c}::VARCHAR AS {name}" for c, name in zip(names, names, strict=True))
        sql = f"SELECT {cast} FROM (SELECT {parts} FROM ({left.sql}) AS {one}) AS {self.name('u')}"
        other = f"SELECT {', '.join(f'{column}::VARCHAR' for column in right.columns[:n])} FROM ({right.sql}) AS {two}"
        return Shape(
            f"SELECT {', '.join(f'length({name}) AS {name}' for name in names)} FROM ({sql} {kind} {other}) AS z", names
        )

    def with_cte(self, depth: int) -> Shape:
        inner = self.query(depth - 1)
        cte = self.name("w")
        names = [self.name() for _ in inner.columns[:3]]
        second = self.name("w")
        parts = ", ".join(f"x.{column} AS {name}" for column, name in zip(inner.columns, names, strict=False))
        where = f"WHERE x.{inner.columns[0]} IS NOT NULL"
        sql = f"WITH {cte} AS ({inner.sql}), {second} AS (SELECT * FROM {cte}) SELECT {parts} FROM {second} AS x {where}"
        return Shape(sql, names)

    def nested(self, depth: int) -> Shape:
        inner = self.query(depth - 1)
        alias = self.name("n")
        names = [self.name() for _ in inner.columns[:4]]
        parts = ", ".join(f"{alias}.{column} AS {name}" for column, name in zip(inner.columns, names, strict=False))
        return Shape(f"SELECT {parts} FROM ({inner.sql}) AS {alias}", names)

    def using(self, _depth: int) -> Shape:
        kind = self.rng.choice(["JOIN", "LEFT JOIN", "FULL JOIN", "RIGHT JOIN"])
        names = [self.name(), self.name(), self.name()]
        return self.rng.choice(
            [
                Shape(
                    f"SELECT region AS {names[0]}, c.age + t.goal AS {names[1]}, tier AS {names[2]} "
                    f"FROM customers c {kind} targets t USING (region)",
                    names,
                ),
                Shape(
                    f"SELECT id AS {names[0]}, age AS {names[1]}, cost AS {names[2]} FROM customers {kind} products USING (id)",
                    names,
                ),
                Shape(
                    f"SELECT region AS {names[0]}, bonus AS {names[1]}, age AS {names[2]} FROM customers NATURAL {kind} targets",
                    names,
                ),
            ]
        )

    def distinct(self, depth: int) -> Shape:
        text, columns = self.joined(depth)
        names = [self.name(), self.name()]
        on = self.rng.choice(["DISTINCT", "DISTINCT", f"DISTINCT ON ({columns[0]})"])
        order = f" ORDER BY {', '.join(columns)}" if "ON" in on else ""
        parts = ", ".join(f"{self.rng.choice(columns)} AS {name}" for name in names)
        return Shape(f"SELECT {on} {parts} FROM {text}{self.where(columns)}{order}", names)

    def limited(self, depth: int) -> Shape:
        text, columns = self.source(depth)
        names = [self.name()]
        order = ", ".join([self.rng.choice(columns) + " DESC", *columns])
        return Shape(f"SELECT {self.expr(columns, 1)} AS {names[0]} FROM {text} ORDER BY {order} LIMIT 4", names)

    def starred(self, _depth: int) -> Shape:
        table = self.rng.choice(list(TABLES))
        columns = TABLES[table]
        gone = self.rng.choice(columns)
        kept = [column for column in columns if column != gone]
        extra = self.name()
        form = self.rng.choice(
            [
                (f"SELECT * EXCLUDE ({gone}), {gone} * 2 AS {extra} FROM {table}", [*kept, extra]),
                (f"SELECT * REPLACE ({kept[0]} + {gone} AS {gone}) FROM {table}", columns),
                (f"SELECT x.*, {kept[0]} AS {extra} FROM (SELECT * FROM {table} WHERE {gone} > 1) AS x", [*columns, extra]),
                (f"SELECT * RENAME ({gone} AS {extra}) FROM {table}", [extra if c == gone else c for c in columns]),
                (f"FROM {table} SELECT *", columns),
            ]
        )
        return Shape(*form)

    def lateral(self, _depth: int) -> Shape:
        names = [self.name(), self.name()]
        sql = (
            f"SELECT c.age AS {names[0]}, l.total AS {names[1]} FROM customers c, LATERAL "
            "(SELECT sum(o.price) AS total FROM orders o WHERE o.customer_id = c.id AND o.qty > 1) AS l"
        )
        return Shape(sql, names)

    def struct(self, _depth: int) -> Shape:
        names = [self.name(), self.name(), self.name()]
        return self.rng.choice(
            [
                Shape(f"SELECT who.age AS {names[0]}, v.who.tier AS {names[1]}, v.id AS {names[2]} FROM visits v", names),
                Shape(
                    f"SELECT s.a AS {names[0]}, s.b + 1 AS {names[1]}, s['a'] AS {names[2]} "
                    "FROM (SELECT {'a': qty, 'b': price} AS s FROM orders) AS x",
                    names,
                ),
            ]
        )

    def unnested(self, _depth: int) -> Shape:
        names = [self.name(), self.name()]
        return self.rng.choice(
            [
                Shape(f"SELECT v.id AS {names[0]}, p.page AS {names[1]} FROM visits v, UNNEST(v.pages) AS p(page)", names),
                Shape(f"SELECT id AS {names[0]}, unnest(pages) AS {names[1]} FROM visits", names),
                Shape(
                    f"SELECT id AS {names[0]}, list_sum(list_transform(pages, p -> p + id)) AS {names[1]} FROM visits", names
                ),
                Shape(
                    f"SELECT id AS {names[0]}, len(list_filter(pages, p -> p > who.age)) AS {names[1]} FROM visits", names
                ),
            ]
        )

    def pivoted(self, _depth: int) -> Shape:
        names = [self.name(), self.name()]
        sql = (
            f'SELECT customer_id AS {names[0]}, "1" AS {names[1]} FROM '
            "(SELECT customer_id, status, qty FROM orders) PIVOT (sum(qty) FOR status IN (1, 2, 3)) AS p"
        )
        return Shape(sql, names)

    def unpivoted(self, _depth: int) -> Shape:
        names = [self.name(), self.name()]
        sql = f"SELECT id AS {names[0]}, v AS {names[1]} FROM products UNPIVOT (v FOR k IN (cost, weight)) AS u"
        return Shape(sql, names)

    def recursive(self, _depth: int) -> Shape:
        names = [self.name(), self.name()]
        sql = (
            "WITH RECURSIVE r(n, v) AS (SELECT 1, min(age) FROM customers UNION ALL "
            "SELECT n + 1, v + (SELECT max(goal) FROM targets) FROM r WHERE n < 4) "
            f"SELECT n AS {names[0]}, v AS {names[1]} FROM r"
        )
        return Shape(sql, names)

    def semi(self, _depth: int) -> Shape:
        names = [self.name(), self.name()]
        kind = self.rng.choice(["SEMI", "ANTI"])
        sql = f"SELECT o.qty AS {names[0]}, o.price AS {names[1]} FROM orders o {kind} JOIN customers c ON c.id = o.customer_id AND c.age > 1"
        return Shape(sql, names)

    def sets(self, _depth: int) -> Shape:
        names = [self.name(), self.name(), self.name()]
        by = self.rng.choice(["ROLLUP (region, tier)", "CUBE (region, tier)", "GROUPING SETS ((region), (tier), ())"])
        sql = f"SELECT region AS {names[0]}, tier AS {names[1]}, sum(age) AS {names[2]} FROM customers GROUP BY {by}"
        return Shape(sql, names)

    def qualify(self, depth: int) -> Shape:
        text, columns = self.source(depth)
        names = [self.name()]
        order = ", ".join(columns)
        part = self.rng.choice(columns)
        sql = f"SELECT {self.expr(columns, 1)} AS {names[0]} FROM {text} QUALIFY row_number() OVER (PARTITION BY {part} ORDER BY {order}) = 1"
        return Shape(sql, names)

    def values(self, _depth: int) -> Shape:
        names = [self.name(), self.name()]
        sql = (
            f"SELECT v.k AS {names[0]}, o.qty + v.w AS {names[1]} FROM orders o "
            "JOIN (VALUES (1, 10), (2, 20), (3, (SELECT max(goal) FROM targets))) AS v(k, w) ON v.k = o.status"
        )
        return Shape(sql, names)
