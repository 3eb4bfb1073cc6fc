"""What every source promises: a stream of tables, each container closed by whether all of it was read.

Journey 1, step 1. Nothing here or in the sources beside it stores anything; the crawl hands the values to the catalog.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, TypeVar
from urllib.parse import quote, quote_plus

from services.common.errors import BadRequest
from services.common.model.access import AccessScope
from services.common.model.assets import ContainerRead, ContainersListed, Found
from services.common.model.crawls import SourceInfo
from services.common.model.names import ScopePath, lower_each
from services.common.runtime.source_settings import SourceSettings

_LONGEST_LINE = 400
_NAMED = 5
# a line that ends without a mark, and one behind it that begins as a sentence does
_BROKEN = re.compile(r"(?<=[^\s.,:;!?])[^\S\n]*\n\s*(?=[A-Z])")
K = TypeVar("K")
V = TypeVar("V")

Item = Found | ContainerRead | ContainersListed
"""What a source's stream is made of."""


@dataclass(frozen=True, slots=True)
class MissingGrant:
    """One privilege that a source's role lacks.

    Attributes:
        grant: the statement that gives it, or the privilege where the platform has no such statement.
        lost: what the catalog does not have without it, in words.

    """

    grant: str
    lost: str


class Source(Protocol):
    """A warehouse that is being read. Nothing is opened before `expected` or `read` is called; close it afterwards."""

    @property
    def info(self) -> SourceInfo:
        """Its name, namespace and platform."""
        ...

    @property
    def sent(self) -> Sequence[str]:
        """The text of each statement sent so far, in order, without values; as many for ten tables as for ten thousand."""
        return ()

    @property
    def statements(self) -> int:
        """How many statements it has sent so far."""
        return len(self.sent)

    @property
    def costs(self) -> Mapping[str, float]:
        """What the reading has cost so far, where the engine says so: `bytes` scanned, `warehouse_seconds`."""
        return {}

    def expected(self) -> int | None:
        """How many tables `read` will yield; None where only reading would tell.

        Raises:
            SourceFailed: as `read`.

        """
        ...

    def read(self) -> Iterator[Item]:
        """All tables of one container, then its `ContainerRead`, and so for every container; the order is stable.

        A container that could not be read ends with `complete=False` and a failure of one line, without secrets. Tables
        that the source's globs leave out are not yielded; their container can still be complete. At the end comes a
        `ContainersListed` for each outer container whose list was read whole.

        Raises:
            SourceFailed: the source cannot be reached or none of it can be read; trying again may help.
            WrongSettings: its URL asks for something that is not allowed; trying again never helps.

        """
        ...

    def close(self) -> None:
        """Let go of the connection and whatever was read. Can be called again."""
        ...

    def grants(self) -> str:
        """The script that an administrator runs to give the role the least that a crawl needs. Connects to nothing.

        Raises:
            BadRequest: the platform has no grants.

        """
        raise BadRequest(f"{self.info.platform} has no grants: whoever may open it may read it")

    def missing(self) -> Iterator[MissingGrant]:
        """What the role lacks, and what is lost without it; nothing where it has all that a crawl needs.

        Raises:
            SourceFailed: as `read`.

        """
        return iter(())

    def __enter__(self) -> Self:
        """The source itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        self.close()


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tables a source's globs let through; the globs mean what they mean in `AccessScope`."""

    scope: AccessScope

    @classmethod
    def of(cls, settings: SourceSettings) -> Selection:
        """The selection of `include` (everything where empty) without `exclude`."""
        return cls(AccessScope(settings.include or ("*",), settings.exclude))

    def permits(self, parts: Sequence[str]) -> bool:
        """Whether the table with these name parts, outermost first, is wanted."""
        return self.scope.is_full or self.scope.permits(ScopePath(lower_each(".".join(parts))))


def moved(first: Mapping[K, V], again: Mapping[K, V]) -> set[K]:
    """The tables that are in one of two lists alone, or were made at another time: what lies between may be of neither.

    Args:
        first: by table, when it was made, as the server said before it told of columns and keys.
        again: the same afterwards.

    """
    return {key for key in first.keys() | again.keys() if first.get(key) != again.get(key)}


def told_moved(names: Iterable[str]) -> str | None:
    """What a report says of tables of one container that `moved`; None where there are none."""
    some = sorted(names)
    more = f" and {len(some) - _NAMED} more" if len(some) > _NAMED else ""
    return f"made, dropped or hidden while it was read: {one_line(', '.join(some[:_NAMED]))}{more}" if some else None


def one_line(error: BaseException | str, password: str | None = None) -> str:
    """A driver's message on one line of bounded length, its password, however it is encoded, shown as `***`."""
    # before its white space and line ends are written otherwise, and after: a message may be broken inside of it
    text = _BROKEN.sub(". ", _without(str(error), password).strip())
    text = _without(" ".join(text.split()), password)
    return text if len(text) <= _LONGEST_LINE else text[: _LONGEST_LINE - 1] + "…"


def _without(text: str, password: str | None) -> str:
    if password:
        for spelling in (password, quote(password, safe=""), quote(password), quote_plus(password)):
            text = text.replace(spelling, "***")
    return text


@contextmanager
def interrupted_after(seconds: float, interrupt: Callable[[], None]) -> Iterator[None]:
    """Call `interrupt`, from another thread, when the block takes longer: for drivers without a timeout of their own."""
    timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # it may be interrupting right now
