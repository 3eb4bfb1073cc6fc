"""`headwater serve --workers N`: several processes behind one socket, over one copy of the index, kept alive by uvicorn's supervisor.

Each worker is a whole server of its role. Files of the index are mapped, so that they stand in memory once; one worker has the
home's lease and does what only one may do (docs/adr/0033).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import Any

import uvicorn
import uvicorn._subprocess as uvicorn_processes
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from services.catalog.store.line import LINE as CATALOG_LINE
from services.cli.exits import DONE, FAILED
from services.cli.serving import announcing, application, configured
from services.cli.stuck import EndsWhereStuck
from services.cli.terminal import prefer_utf8, say
from services.common.errors import HeadwaterError, ModelUnavailable, ServiceUnavailable
from services.common.runtime import logs
from services.common.runtime.db import Database
from services.common.runtime.garbage import set_survivors_aside
from services.common.runtime.migrations import ensure_current
from services.common.runtime.settings import Settings
from services.indexer.embed.model_files import locate
from services.indexer.store.lease import BEAT_S, Lease, beating, home_id
from services.indexer.store.line import LINE as INDEXER_LINE
from services.lineage.store.line import LINE as LINEAGE_LINE

HEALTH_S = 30
"""A worker that starts and does not answer its supervisor for so long is ended and replaced: long imports of a busy machine are shorter."""
HUNG_S = 8
"""The same for one that has served: it is ended before its lease runs out and requests on its connections wait for nothing."""
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where the workers' counters are, so that each can tell those of all; prometheus_client reads it when it is imported."""
STOPS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
"""What ends a server, or is sent to all of its processes when a terminal or a unit ends."""
HELD_MODEL = "HELD_MODEL_DIR"
"""Names, to the process that workers are forks of, the converted model whose memory they are to share."""
PRELOADED = "services.cli.preloaded"
"""Imported once, before workers are forked."""
_LINES = {
    "all": (CATALOG_LINE, INDEXER_LINE, LINEAGE_LINE),
    "catalog": (CATALOG_LINE,),
    "indexer": (INDEXER_LINE,),
    "lineage": (LINEAGE_LINE,),
    "sidecar": (),
}
"""The databases of a role: made here where they are absent, not by several workers at once."""
_log = logs.get_logger("serve")


def serve_many(settings: Settings, role: str, listening: socket.socket) -> int:
    """Serve a role with `settings.workers` processes on a bound socket until SIGTERM or SIGINT; 0 when it stopped as it was told.

    Raises:
        Conflict: another server serves this home.
        StoreOutdated, ServiceUnavailable: a database is of another version, or does not answer.

    """
    with (
        listening,
        tempfile.TemporaryDirectory(prefix="headwater-metrics-") as counters,
        _claimed(settings, role) as server,
        announcing(settings, role, listening) as announce,
    ):
        os.environ[METRICS_FOLDER] = counters
        _begin_as_forks(settings, role)
        try:
            supervisor = _Supervisor(settings, role, server, listening, announce)
            try:
                supervisor.run()
            except (EOFError, ConnectionError) as error:
                raise ServiceUnavailable(
                    "workers cannot be started: the process that they are forks of has ended"
                ) from error
        finally:
            del os.environ[METRICS_FOLDER]
    return DONE if supervisor.said else FAILED


def _begin_as_forks(settings: Settings, role: str) -> None:
    """Make uvicorn begin workers as forks of a process that has imported what they need, and opened the model, where the platform can.

    Its own way is an interpreter each: some 100 MB of modules in every worker, of which half stays shared this way.
    """
    if "forkserver" in multiprocessing.get_all_start_methods() and sys.platform == "linux":
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([PRELOADED])
        resource_tracker.ensure_running()  # it would let signals through again
        if INDEXER_LINE in _LINES[role] and (model := _converted(settings)) is not None:
            os.environ[HELD_MODEL] = str(model)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        try:
            # signals that are blocked stay so in what is begun: it ends when its supervisor does, and not with the first Ctrl-C
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.environ.pop(HELD_MODEL, None)
        started: Any = uvicorn_processes
        started.spawn = context


def _converted(settings: Settings) -> Path | None:
    """The folder of the configured model in the form that encodes; None where there is none yet, as before the first crawl."""
    try:
        folder = settings.home / "models" / locate(settings.model).sha256
    except ModelUnavailable:
        return None
    return folder if folder.is_dir() else None


@contextmanager
def _claimed(settings: Settings, role: str) -> Iterator[str]:
    """Make the databases that are absent and take the home's lease, for the first worker to take over; yields who holds it."""
    for line in _LINES[role]:
        database = Database.for_service(line.service, home=settings.home, database_url=settings.database_url)
        try:
            ensure_current(database, line)
        finally:
            database.close()
    if INDEXER_LINE not in _LINES[role]:
        yield f":{os.getpid()}:workers"
        return
    database = Database.for_service(INDEXER_LINE.service, home=settings.home, database_url=settings.database_url)
    try:
        lease = Lease(database, home_id(settings.home), role="serve")
        lease.claim()

        def stay() -> None:
            if lease.holds():  # until a worker takes it over
                lease.stay()

        try:
            with beating(stay, BEAT_S):
                yield lease.holder
        finally:
            with suppress(ServiceUnavailable):
                lease.release()  # what no worker took over
    finally:
        database.close()


class _Supervisor(Multiprocess):
    """uvicorn's supervisor, which says where it listens once a worker answers.

    Args:
        settings, role: what each worker serves.
        server: the holder that workers take the lease over from.
        listening: bound; all workers accept from it.
        announce: says where.

    """

    def __init__(
        self, settings: Settings, role: str, server: str, listening: socket.socket, announce: Callable[[], None]
    ) -> None:
        self._worker = partial(_worker, settings, role, server)
        first = partial(self._worker, first=True)
        options: dict[str, Any] = {"factory": True, "workers": settings.workers, "timeout_worker_healthcheck": HEALTH_S}
        super().__init__(uvicorn.Config(first, **configured(), **options), sockets=[listening])
        self._announce = announce
        self._started: set[int | None] = set()
        self.said = False

    def keep_subprocess_alive(self) -> None:
        """See uvicorn: replaces who died. The first ones that cannot start end the server, later ones are tried again."""
        before = list(self.processes)
        for process in before:
            self._end_where_hung(process)
        super().keep_subprocess_alive()
        for old, new in zip(before, self.processes, strict=True):
            if old is not new:
                _log.warning("a worker died and was replaced", died=old.pid, replaced_by=new.pid)
        if not self.said and self._started:
            self.said = True
            self.config.app = self._worker
            self._announce()

    def _end_where_hung(self, process: Process) -> None:
        """Kill a worker that has served and does not answer, so that it is replaced as one that died."""
        if not process.process.is_alive():
            self._started.discard(process.pid)
        elif process.pid not in self._started:
            if process.is_ready(HEALTH_S):
                self._started.add(process.pid)
        elif not process.ping(HUNG_S):
            _log.warning("a worker does not answer and is ended", ended=process.pid, after_s=HUNG_S)
            process.process.kill()
            process.process.join()
            self._started.discard(process.pid)


def _worker(settings: Settings, role: str, server: str, *, first: bool = False) -> ASGIApp:
    """The application of one worker, made in its own process."""
    prefer_utf8()
    set_survivors_aside()
    logs.configure(settings.log_level, settings.log_format)
    threading.Thread(target=_end_with_supervisor, name="supervisor", daemon=True).start()
    try:
        return EndsWhereStuck(application(settings, role, server))
    except HeadwaterError as error:
        say(f"headwater: {error.detail}")
        raise SystemExit(STARTUP_FAILURE if first else FAILED) from None


def _end_with_supervisor() -> None:
    """A worker whose supervisor is gone would hold the port for ever."""
    supervisor = multiprocessing.parent_process()
    if supervisor is not None:
        supervisor.join()
        os.kill(os.getpid(), signal.SIGTERM)
