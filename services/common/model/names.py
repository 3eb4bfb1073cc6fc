"""One table, one asset: namespaces, dataset names and the ids made from them. The only place that normalises names.

Journeys 1 and 3, step "canonical ids": a crawl, an OpenLineage event and a parsed query all come through here, so that
the same table always gets the same id. Naming follows OpenLineage: `(namespace, name)`.
"""

from __future__ import annotations

import base64
import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NewType

from services.common.model.platforms import Case, Platform, canonical_scheme, platform_named

AssetId = NewType("AssetId", str)
"""`d` and 26 characters of base 32: a dataset's id, safe in a URL path."""
ColumnId = NewType("ColumnId", str)
"""A dataset's id, a hyphen, and 13 characters of base 32."""
Namespace = NewType("Namespace", str)
"""Where names are unique, such as `postgres://db1:5432`: scheme and host in lower case, port written out."""
ScopePath = NewType("ScopePath", str)
"""`source.database.schema.table` in lower case: what access globs are matched against."""

UNLISTED = "unlisted"
"""The source of datasets that no configured source's namespace covers."""

_ID_CHARS = 26
_COLUMN_CHARS = 13
_ASSET_ID = re.compile(rf"d[a-z2-7]{{{_ID_CHARS}}}")
_COLUMN_ID = re.compile(rf"(d[a-z2-7]{{{_ID_CHARS}}})-[a-z2-7]{{{_COLUMN_CHARS}}}")
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<rest>.*)", re.DOTALL)
_QUOTES = {'"': '"', "`": "`", "[": "]"}


@dataclass(frozen=True, slots=True)
class SqlPart:
    """One part of a name as a query spells it: the text without its quotes, and whether it had any."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True, order=True)
class DatasetName:
    """A dataset's identity: its namespace and its name's parts, outermost first, in the source's own spelling.

    Two values may be spelled differently and still be one dataset (engines without case): compare `id`, not the parts.
    """

    namespace: Namespace
    parts: tuple[str, ...]

    @property
    def platform(self) -> Platform:
        """The naming rules of the engine that the namespace belongs to."""
        return platform_of(self.namespace)

    @property
    def qualified(self) -> str:
        """What people read: `database.schema.table`, of the parts that exist, in the source's own spelling."""
        return ".".join(self.parts)

    @property
    def key(self) -> str:
        """The canonical text of the name: parts joined by dots, a part that needs it quoted, folded where the engine folds."""
        platform = self.platform
        parts = map(platform.lower, self.parts) if platform.case is Case.INSENSITIVE else self.parts
        return ".".join(_quoted_if_needed(part) for part in parts)

    @property
    def id(self) -> AssetId:
        """The id in URLs: derived from namespace and canonical name alone."""
        return AssetId("d" + _digest(f"{self.namespace}\n{self.key}", _ID_CHARS))

    def column_id(self, column: str) -> ColumnId:
        """The id of one of its columns; `column` in the source's spelling. Only engines that keep case tell `A` from `a`."""
        return column_id(self.id, column, self.platform)


def column_id(asset: AssetId, column: str, platform: Platform) -> ColumnId:
    """The id of a column of `asset`, whose engine is `platform`."""
    # MySQL and BigQuery compare column names without case although their tables keep it.
    without_case = platform.case is Case.INSENSITIVE or platform.name in ("mysql", "bigquery")
    text = platform.lower(column) if without_case else column
    digest = _digest(f"{asset}\n{text}", _COLUMN_CHARS)
    return ColumnId(f"{asset}-{digest}")


def parse_asset_id(text: str) -> AssetId | None:
    """`text` as a dataset id, or None where it has not the form of one."""
    return AssetId(text) if _ASSET_ID.fullmatch(text) else None


def asset_of(text: str) -> AssetId | None:
    """The dataset that a dataset id or a column id belongs to; None where `text` is neither."""
    match = _COLUMN_ID.fullmatch(text)
    return AssetId(match[1]) if match else parse_asset_id(text)


@lru_cache(maxsize=1024)
def platform_of(namespace: str) -> Platform:
    """The naming rules of a namespace's engine: by its scheme, or by the whole text (`bigquery` has no scheme)."""
    match = _URL.fullmatch(namespace)
    return platform_named(match["scheme"] if match else namespace)


def canonical_namespace(raw: str) -> Namespace:
    """The one spelling of a namespace. Idempotent.

    A URL loses user, password, path and query where the engine's namespace is a host, keeps its absolute path where it
    is a file; scheme and host become lower case and the default port is written out. Text that is no URL is kept.

    Raises:
        ValueError: the text is empty, or its port is no number. The message repeats nothing of the text.

    """
    match = _URL.fullmatch(raw.lstrip())  # white space at the end may belong to a file's name
    if match is None:
        text = raw.strip()
        if not text:
            raise ValueError("a namespace cannot be empty")
        return Namespace(text)
    scheme = canonical_scheme(match["scheme"])
    platform = platform_named(scheme)
    if platform.file:
        return Namespace(f"{scheme}://{_clean_path(match['rest'])}")
    if scheme == "metadata":
        return Namespace(f"{scheme}://{match['rest'].rstrip('/')}")
    authority = re.split(r"[/?#]", match["rest"], maxsplit=1)[0].rpartition("@")[2]
    host, port = _split_port(authority.strip())
    if port is None:
        port = platform.port
    host = host.strip().lower()
    return Namespace(f"{scheme}://{host}:{port}" if port is not None and host else f"{scheme}://{host}")


def _clean_path(rest: str) -> str:
    path = rest.partition("?")[0]
    # normpath keeps exactly two leading slashes; one table must not have two spellings of its file
    return re.sub(r"^/+", "/", posixpath.normpath(path)) if path else ""


def _split_port(authority: str) -> tuple[str, int | None]:
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):  # no port, or the colon belongs to an IPv6 address in brackets
        return authority, None
    if _is_ipv6(authority):  # written without the brackets that it should have
        return f"[{authority}]", None
    if not port.strip():
        return _split_port(host.strip())
    if not port.isascii() or not port.isdigit():
        # what stands there may be half of a password with an unescaped slash
        raise ValueError("the port is not a number")
    return host, int(port)


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Which namespace a raw one stands for: sources are reached by several names (replica, load balancer, forward).

    Attributes:
        aliases: canonical spelling of an alias → the namespace that it stands for.
        sources: namespace → the name of the source that it belongs to.
        databases: namespace → its databases, in lower case → the name of the source that this database is.

    """

    aliases: Mapping[Namespace, Namespace] = field(default_factory=dict)
    sources: Mapping[Namespace, str] = field(default_factory=dict)
    databases: Mapping[Namespace, Mapping[str, str]] = field(default_factory=dict)

    def resolve(self, raw: str) -> Namespace:
        """The namespace that `raw` stands for, alias or not.

        A file by a relative path is the one known file of that engine whose path ends so; where several do, or none, it stays.
        """
        namespace = canonical_namespace(raw)
        if namespace in self.aliases or namespace in self.sources or not platform_of(namespace).file:
            return self.aliases.get(namespace, namespace)
        scheme, _, path = namespace.partition("://")
        if not path or path.startswith("/"):
            return namespace
        end = "/" + re.sub(r"^(?:\.\./)+", "", path)
        known = {*self.sources, *self.databases, *self.aliases.values()}
        found = [one for one in known if one.startswith(f"{scheme}:///") and one.endswith(end)]
        return found[0] if len(found) == 1 else namespace

    def source_of(self, namespace: Namespace, database: str | None = None) -> str:
        """The name of the source that owns a database of a namespace, or all of it; `unlisted` where none does."""
        known = self.databases.get(namespace, {})
        own = known.get(database.lower()) if database is not None else None
        if own is not None or namespace in self.sources:
            return own or self.sources[namespace]
        # without a database's name it can only be meant where there is but one
        return next(iter(known.values())) if database is None and len(known) == 1 else UNLISTED


def parse_name(text: str) -> tuple[SqlPart, ...]:
    """Split a dotted name into parts, honouring double quotes, backticks and brackets; a doubled quote is one.

    Raises:
        ValueError: a quote is not closed, or a part is empty.

    """
    parts: list[SqlPart] = []
    at = 0
    while True:
        part, at = _read_part(text, at)
        if not part.text:
            raise ValueError(f"the name {text!r} has an empty part")
        parts.append(part)
        if at >= len(text):
            return tuple(parts)
        at += 1  # the dot


def _read_part(text: str, at: int) -> tuple[SqlPart, int]:
    close = _QUOTES.get(text[at]) if at < len(text) else None
    if close is None:
        end = text.find(".", at)
        end = len(text) if end < 0 else end
        return SqlPart(text[at:end]), end
    out, here = [], at + 1
    while here < len(text):
        if text[here] != close:
            out.append(text[here])
            here += 1
        elif text[here + 1 : here + 2] == close:
            out.append(close)
            here += 2
        elif here + 1 == len(text) or text[here + 1] == ".":
            return SqlPart("".join(out), quoted=True), here + 1
        else:
            break
    raise ValueError(f"the name {text!r} has a quote that is not closed")


def from_catalog(namespace: Namespace, parts: Iterable[str]) -> DatasetName:
    """The name of a table as the engine's own catalog spells it: nothing is folded; empty parts are left out."""
    return DatasetName(namespace, tuple(part for part in parts if part))


def from_openlineage(namespace: str, name: str, *, among: Namespaces) -> DatasetName:
    """The dataset that an OpenLineage `(namespace, name)` stands for; its parts are taken as stored by the engine.

    A name that cannot be split (odd quotes, empty parts) is kept whole as one part, so that nothing is lost.
    """
    resolved = among.resolve(namespace)
    try:
        parts = tuple(part.text for part in parse_name(name))
    except ValueError:
        parts = (name,)
    return DatasetName(resolved, parts)


def from_sql(
    namespace: Namespace, parts: Sequence[SqlPart], *, database: str | None = None, schema: str | None = None
) -> DatasetName:
    """The dataset that a table reference in a query stands for, under its engine's case rules.

    `database` and `schema` (as stored) complete a short name; a name longer than the engine's levels is kept as written.
    """
    platform = platform_of(namespace)
    folded = [_fold(part, platform) for part in parts]
    if platform.name == "sqlite" and len(folded) == 2 and folded[0].lower() == "main" and database:
        folded[0] = database  # the file itself is called `main` inside a query
    defaults = [database, schema] if platform.levels == 3 else [database or schema]
    missing = platform.levels - len(folded)
    prefix = [default for default in defaults[:missing] if default] if missing > 0 else []
    return DatasetName(namespace, (*prefix, *folded))


def _fold(part: SqlPart, platform: Platform) -> str:
    if part.quoted or platform.case in (Case.SENSITIVE, Case.INSENSITIVE):
        return part.text
    return platform.lower(part.text) if platform.case is Case.LOWER else part.text.upper()


def scope_path(source: str, parts: Iterable[str]) -> ScopePath:
    """What access globs see of a dataset: source and name parts joined by dots, in lower case."""
    return ScopePath(lower_each(".".join((source, *parts))))


def lower_each(text: str) -> str:
    """`text` in lower case, letter by letter: the end of a word changes nothing, so a glob's piece of one still fits."""
    return text.lower() if text.isascii() else "".join(map(str.lower, text))


def _quoted_if_needed(part: str) -> str:
    if part and part[0] not in _QUOTES and "." not in part:
        return part
    return '"' + part.replace('"', '""') + '"'


def _digest(text: str, chars: int) -> str:
    # lone surrogates (undecodable bytes in a name) must still have an id
    raw = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    # eight characters stand for five bytes each
    return base64.b32encode(raw[: 5 * -(-chars // 8)]).decode("ascii").lower()[:chars]
