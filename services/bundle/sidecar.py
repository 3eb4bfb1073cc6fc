"""Role `sidecar`: the public API over a bundle in a folder that may be read-only, with no database server, lock or log beside it.

Journeys 2 and 3 without the first. Answers are the centre's; what a bundle does not hold is refused by name.
"""

from __future__ import annotations

import datetime as dt
import importlib
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from services.bundle.check import Checking, check
from services.bundle.manifest import FILE
from services.bundle.parts import Bundle
from services.bundle.reading import OnlyReading
from services.bundle.written import State, Written, check_same
from services.catalog.access import Access, check_exposure, is_loopback
from services.catalog.app import create_app
from services.catalog.app_parts import CatalogParts
from services.catalog.crawl_history import CrawlHistory
from services.catalog.curation import Curator
from services.catalog.feed import CatalogFeed
from services.catalog.feedback import log_of
from services.catalog.renaming import Renaming
from services.catalog.search_history import SearchHistory
from services.catalog.sink import CatalogSink
from services.catalog.vocabulary import Vocabulary
from services.common.errors import HeadwaterError, IndexDamaged, WrongSettings
from services.common.model.access import AccessScope, Principal, Role
from services.common.runtime.logs import get_logger
from services.common.runtime.problems import problem_response
from services.common.runtime.settings import NO_BUNDLE, Settings

LOOK_S = 2.0
"""How often the folder is looked at: one `stat` a file."""
GRACE_S = 60.0
"""A bundle that was replaced stays open so long, for the answers that are being made from it."""
ALL_OF_A_PART = AccessScope(allow=("**",))
"""Sees everything in a bundle that holds a part, and is not the scope to which nothing was ever withheld."""
RETRY_S, MAX_RETRY_S = 10.0, 600.0
"""When a bundle that failed is tried again: it may have been half copied, or the machine short of memory. The wait doubles."""
_NEEDED_SOON = ("h11", "numpy.ma", "pydantic.v1.dataclasses", "uvicorn.protocols.http.h11_impl")
"""What libraries import when the server begins to listen and the first question is asked."""
_WRITTEN_OVER = (
    "files of the bundle were written over while it was served; copy a whole one beside it, and rename that into its place"
)
_Stamp = tuple[int, int, int]
_log = get_logger("sidecar")


@dataclass(frozen=True, slots=True)
class _Failed:
    """A bundle that was not taken up, why, and until when (of the monotonic clock) it is left alone."""

    stamp: _Stamp
    detail: str
    wait_s: float
    until: float


class Sidecar:
    """The application of role `sidecar`: the newest good bundle's own, and a watch on the folder.

    Args:
        settings: with `bundle`.
        first: the bundle to begin with, checked.
        seen: what stood in the folder before it was opened.
        before: its files as they were before they were checked.

    """

    def __init__(self, settings: Settings, first: Bundle, seen: _Stamp | None, before: Mapping[str, State]) -> None:
        self._settings = settings
        self._folder = _folder(settings)
        self._bundle = first
        self._app: ASGIApp = _application(settings, first)
        self._written = Written(first.folder, first.manifest, before)
        self._unfit = False
        self._seen = seen
        self._failed: _Failed | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="bundle", daemon=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, answered from one bundle; or the server's own start and stop."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._thread.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await run_in_threadpool(self.close)
                await send({"type": "lifespan.shutdown.complete"})
                return

    def close(self) -> None:
        """Stop watching, and let go of the bundle."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)
        self._bundle.close()

    def look(self) -> bool:
        """Take up another bundle if one lies in the folder now; True if it serves. One that failed is logged, and tried later.

        Where files of the one that serves were written over, it answers no more until a whole one lies in the folder.
        """
        if not self._unfit and (name := self._written.over()) is not None:
            self._refuse(name)
        stamp, failed = _stamp(self._folder), self._failed
        if stamp is None or (stamp == self._seen and not self._unfit):
            return False
        if failed is not None and failed.stamp == stamp and time.monotonic() < failed.until:
            return False
        try:
            folder = self._folder.resolve()  # a link may lead elsewhere while this one is checked
            before = check(folder)
            fresh = _opened(folder, self._settings, before)
            app = _application(self._settings, fresh)
        except Exception as error:  # noqa: BLE001 - a thread's edge: the next try may work
            self._failed = _fail(
                stamp, failed, error, "nothing is answered" if self._unfit else "the one before goes on serving"
            )
            return False
        self._seen, self._failed, self._unfit = stamp, None, False
        self._written = Written(fresh.folder, fresh.manifest, before)
        replaced, self._bundle = self._bundle, fresh
        self._app = app
        late = threading.Timer(GRACE_S, replaced.close)
        late.daemon = True
        late.start()
        _log.info("bundle taken up", created=fresh.manifest.created.isoformat(), assets=fresh.manifest.assets)
        return True

    def _refuse(self, name: str) -> None:
        """Answer no more from a bundle of which a file is another one than when it was opened."""
        self._app = _Unfit(self._app, IndexDamaged(_WRITTEN_OVER))
        self._unfit = True
        _log.warning(
            "bundle no longer whole; nothing is answered", file=str(self._bundle.folder / name), detail=_WRITTEN_OVER
        )

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_S):
            self.look()


class _Unfit:
    """ASGI layer over a bundle that is not whole any more: it says that the process lives, and refuses all else."""

    def __init__(self, app: ASGIApp, error: HeadwaterError) -> None:
        self._app = app
        self._refusal = problem_response(error)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        alive = scope["type"] != "http" or scope["path"] == "/livez"
        await (self._app if alive else self._refusal)(scope, receive, send)


class _ReaderAccess(Access):
    """Callers of a bundle: readers all, and of one that holds a part nobody counts as seeing everything."""

    def __init__(self, settings: Settings, *, scoped: bool) -> None:
        super().__init__(settings.tokens)
        self._scoped = scoped

    def principal(self, authorization: str | None, client_host: str | None) -> Principal:
        """See `Access.principal`."""
        found = super().principal(authorization, client_host)
        role = Role.PRODUCER if found.role is Role.PRODUCER else Role.READER
        scope = ALL_OF_A_PART if self._scoped and found.scope.is_full else found.scope
        return replace(found, role=role, scope=scope)


def create_sidecar(settings: Settings, checking: Checking) -> Sidecar:
    """The application, from a bundle whose check runs already.

    Raises:
        WrongSettings: no bundle is named, or the address can be reached from elsewhere and no token is configured.
        IndexDamaged: the bundle is damaged or does not fit this version.

    """
    check_exposure(settings.host, settings.tokens)
    for module in _NEEDED_SOON:
        with suppress(ImportError):  # of another version of a library, which then needs something else
            importlib.import_module(module)  # while the check runs
    checking.wait()
    # what was checked, wherever a link leads meanwhile; another bundle there is noticed by the first look
    manifest = checking.before.get(FILE)
    seen = (manifest[0], manifest[1], manifest[3]) if manifest else None
    return Sidecar(settings, _opened(checking.folder, settings, checking.before), seen, checking.before)


def _opened(folder: Path, settings: Settings, before: Mapping[str, State]) -> Bundle:
    """A bundle ready to answer, whose files are the ones that were checked."""
    bundle = Bundle(folder, threads=settings.n_threads)
    try:
        check_same(bundle.folder, bundle.manifest, before)
        bundle.index.prepare()
    except BaseException:
        bundle.close()
        raise
    return bundle


def _fail(stamp: _Stamp, before: _Failed | None, error: Exception, meanwhile: str) -> _Failed:
    """Say why a bundle is not taken up, once for each reason, and when to try it again."""
    if isinstance(error, HeadwaterError):
        detail = error.detail
    else:
        # the message of what nobody expected may hold anything; its kind and place do not
        detail = f"{type(error).__name__}, {traceback.extract_tb(error.__traceback__)[-1].name}"
    again = before is not None and before.stamp == stamp
    wait_s = min(2 * before.wait_s, MAX_RETRY_S) if before is not None and again else RETRY_S
    if before is None or not again or before.detail != detail:
        _log.warning(f"bundle not taken up; {meanwhile}", detail=detail)
    return _Failed(stamp, detail, wait_s, time.monotonic() + wait_s)


def _folder(settings: Settings) -> Path:
    if settings.bundle is None:
        raise WrongSettings(NO_BUNDLE)
    return settings.bundle


def _stamp(folder: Path) -> _Stamp | None:
    """What tells one bundle in the folder from the next; None while there is none."""
    try:
        status = (folder / FILE).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns


def _application(settings: Settings, bundle: Bundle) -> FastAPI:
    """The public API over one bundle, read-only."""
    database, reader, manifest = bundle.catalog, bundle.reader, bundle.manifest
    seq = bundle.index.snapshot.seq

    def about() -> Mapping[str, object]:
        age_s = manifest.age_s(dt.datetime.now(dt.UTC))
        return {"bundle": {"created": manifest.created.isoformat(), "age_s": age_s, "version": manifest.version}}

    app = create_app(
        CatalogParts(
            access=_ReaderAccess(settings, scoped=manifest.scoped),
            reader=reader,
            curator=Curator(database),
            sink=CatalogSink(database),
            history=CrawlHistory(database, reader),
            renaming=Renaming(database),
            log=log_of(settings.model_copy(update={"search_log": "off"}), database, reader),
            searches=SearchHistory(database),
            feed=CatalogFeed(database),
            vocabulary=Vocabulary(database, reader),
            search=bundle.index.retriever,
            lineage=bundle.lineage,
            related=bundle.related,
            started_at=lambda: seq,
            hosts=settings.allowed_hosts if is_loopback(settings.host) else None,
            cors_origins=settings.cors_origins,
            max_body_bytes=settings.max_body_bytes,
            about=about,
        )
    )
    app.add_middleware(OnlyReading, created=manifest.created)
    return app
