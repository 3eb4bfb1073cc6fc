"""dbt models and other Jinja: the SQL that a template most likely makes, and the models that it names.

Journey 3, step "SQL → edges", before the tokens. No template is run: branches are chosen, loops over written lists are
unrolled, calls become what they stand for, or a placeholder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from services.lineage.sql.template_calls import Calls, listed

_TAG = re.compile(r"\{#.*?#\}|\{%-?\+?(?P<tag>.*?)-?%\}|\{\{-?(?P<value>.*?)-?\}\}", re.DOTALL)
_MAX_TURNS = 50
"""Of a loop that is unrolled."""
_MAX_CHARS = 2_000_000
"""Of the text that a template makes."""


@dataclass(slots=True)
class Rendered:
    """What a template makes.

    Attributes:
        sql: the text, with the lines of the template where no loop was unrolled.
        named: models and sources that stand in calls whose text is not known: they are read all the same.

    """

    sql: str
    named: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Node:
    """A piece of the template: text, a value, or a tag with what stands inside, a body for each of its branches."""

    kind: str
    text: str = ""
    branches: list[tuple[str, list[_Node]]] = field(default_factory=list)


def rendered(sql: str, *, otherwise: bool = False) -> Rendered:
    """The SQL that a template makes.

    Args:
        sql: the template.
        otherwise: take the last branch of each condition and not the first.

    """
    nodes = _parse(list(_pieces(sql)))
    writer = _Writer(otherwise=otherwise)
    writer.write(nodes)
    return Rendered("".join(writer.out), list(dict.fromkeys(writer.calls.named)))


def _pieces(sql: str) -> Iterator[_Node]:
    at = 0
    for match in _TAG.finditer(sql):
        if match.start() > at:
            yield _Node("text", sql[at : match.start()])
        lines = "\n" * match[0].count("\n")
        if match["tag"] is not None:
            yield _Node("tag", match["tag"].strip())
        elif match["value"] is not None:
            yield _Node("value", match["value"].strip())
        if lines:
            yield _Node("text", lines)
        at = match.end()
    if at < len(sql):
        yield _Node("text", sql[at:])


_OPENERS = frozenset({"if", "for", "macro", "call", "filter", "raw", "snapshot", "test", "materialization", "block", "docs"})
_MIDDLE = frozenset({"elif", "else"})


def _parse(pieces: list[_Node]) -> list[_Node]:
    """Pieces with the bodies of tags put into them."""
    root: list[_Node] = []
    stack: list[tuple[_Node | None, list[_Node]]] = [(None, root)]
    for piece in pieces:
        body = stack[-1][1]
        if piece.kind != "tag":
            body.append(piece)
            continue
        head, _, rest = piece.text.partition(" ")
        head = head.strip()
        if head in _OPENERS or (head == "set" and "=" not in rest):
            inner: list[_Node] = []
            node = _Node(head, rest.strip(), [(rest.strip(), inner)])
            body.append(node)
            stack.append((node, inner))
        elif head in _MIDDLE and stack[-1][0] is not None:
            opened = stack[-1][0]
            inner = []
            opened.branches.append((rest.strip() if head == "elif" else "", inner))
            stack[-1] = (opened, inner)
        elif head.startswith("end"):
            if len(stack) > 1:
                stack.pop()
        else:
            body.append(_Node(head, rest.strip()))
    return root


class _Writer:
    """Writes nodes as text.

    Args:
        otherwise: see `rendered`.

    """

    def __init__(self, *, otherwise: bool) -> None:
        self.out: list[str] = []
        self.calls = Calls()
        self._otherwise = otherwise
        self._size = 0

    def write(self, nodes: list[_Node]) -> None:
        """Write them after what is there."""
        for node in nodes:
            if self._size > _MAX_CHARS:
                return
            write = getattr(self, f"_{node.kind}", None)
            if write is not None:
                write(node)

    def _put(self, text: str) -> None:
        self.out.append(text)
        self._size += len(text)

    def _text(self, node: _Node) -> None:
        self._put(node.text)

    def _value(self, node: _Node) -> None:
        self._put(self.calls.text(node.text, "".join(self.out[-8:])))

    def _raw(self, node: _Node) -> None:
        self.write(node.branches[0][1])

    _filter = _call = _snapshot = _block = _raw

    def _set(self, node: _Node) -> None:
        if node.branches:
            inner = _Writer(otherwise=self._otherwise)
            inner.calls = self.calls
            inner.write(node.branches[0][1])
            self.calls.texts[node.text.split("|")[0].strip()] = "".join(inner.out)
            return
        name, _, value = node.text.partition("=")
        self.calls.assign(name.strip(), value.strip())

    def _do(self, node: _Node) -> None:
        self.calls.mentions(node.text)

    def _if(self, node: _Node) -> None:
        chosen = node.branches[-1] if self._otherwise and len(node.branches) > 1 else node.branches[0]
        for condition, body in node.branches:
            truth = self.calls.truth(condition)
            if truth is True:
                chosen = (condition, body)
                break
            if truth is False and chosen[1] is body:
                rest = [
                    branch for branch in node.branches if branch[1] is not body and self.calls.truth(branch[0]) is not False
                ]
                chosen = rest[0] if rest else ("", [])
        if self._otherwise and len(node.branches) == 1 and self.calls.truth(node.branches[0][0]) is None:
            self.calls.mentions_of(_texts(node.branches[0][1]))
            return
        self.write(chosen[1])

    def _for(self, node: _Node) -> None:
        head, body = node.branches[0]
        names, _, over = head.partition(" in ")
        values = listed(over.strip(), self.calls)
        loop = dict(self.calls.texts)
        turns: list[str | None] = list(values[:_MAX_TURNS]) if values is not None else [None]
        for at, value in enumerate(turns):
            if value is not None:
                self.calls.texts[names.strip()] = value
            else:
                for name in names.split(","):
                    self.calls.texts.pop(name.strip(), None)
            self.calls.loop = (at == 0, at == len(turns) - 1)
            self.write(body)
        self.calls.texts = loop
        self.calls.loop = None


def _texts(nodes: list[_Node]) -> Iterator[str]:
    for node in nodes:
        yield node.text
        for _, body in node.branches:
            yield from _texts(body)
