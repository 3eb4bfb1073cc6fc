"""What every source promises: a stream of tables, each container closed by whether all of it was read.

Journey 1, step 1. Nothing here or in the sources beside it stores anything; the crawl hands the values to the catalog.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import quote, quote_plus

from services.common.model.access import AccessScope
from services.common.model.assets import ContainerRead, Found
from services.common.model.crawls import SourceInfo
from services.common.model.names import ScopePath, lower_each
from services.common.runtime.settings import SourceSettings

_LONGEST_LINE = 400


class Source(Protocol):
    """A warehouse that is being read. Nothing is opened before `expected` or `read` is called; close it afterwards."""

    @property
    def info(self) -> SourceInfo:
        """Its name, namespace and platform."""
        ...

    @property
    def statements(self) -> int:
        """How many statements it has sent so far; does not grow with the number of tables. 0 for a metadata file."""
        ...

    def expected(self) -> int | None:
        """How many tables `read` will yield; None where only reading would tell.

        Raises:
            SourceFailed: as `read`.

        """
        ...

    def read(self) -> Iterator[Found | ContainerRead]:
        """All tables of one container, then its `ContainerRead`, and so for every container; the order is stable.

        A container that could not be read ends with `complete=False` and a failure of one line, without secrets. Tables
        that the source's globs leave out are not yielded; their container can still be complete.

        Raises:
            SourceFailed: the source cannot be reached or none of it can be read; trying again may help.
            WrongSettings: its URL asks for something that is not allowed; trying again never helps.

        """
        ...

    def close(self) -> None:
        """Let go of the connection and whatever was read. Can be called again."""
        ...

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


def one_line(error: BaseException | str, password: str | None = None) -> str:
    """A driver's message on one line of bounded length, its password, however it is encoded, shown as `***`."""
    text = " ".join(str(error).split())
    if password:
        for spelling in (password, quote(password, safe=""), quote(password), quote_plus(password)):
            text = text.replace(spelling, "***")
    return text if len(text) <= _LONGEST_LINE else text[: _LONGEST_LINE - 1] + "…"


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
