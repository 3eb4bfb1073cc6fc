"""The lease: one index worker a home. A holder that stops beating loses it; a fencing number keeps a late one from publishing.

Journey 1, before anything is indexed.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select, update

from services.common.errors import Conflict, ServiceUnavailable, WrongSettings
from services.common.model.changes import START, Seq
from services.common.runtime.db import Database
from services.common.runtime.once import kept_once
from services.indexer.store.tables import insert_new, lease

BEAT_S = 2.0
"""How often a holder says that it lives."""
EXPIRY_S = 12.0
"""After so long without a beat the lease is free: six beats, longer than any pause that we measured of a busy holder."""
AHEAD_S = 60.0
"""A beat further ahead than this is of a clock that has jumped back since: who lives beats again before long, and it is the
fencing number that keeps two holders apart."""


@contextmanager
def beating(beat: Callable[[], object], every_s: float) -> Iterator[None]:
    """Beat meanwhile, in a thread of its own: some work is one call, and cannot beat in between.

    A beat that fails is passed over: whoever publishes asks once more whether the lease is held.
    """
    done = threading.Event()

    def run() -> None:
        while not done.wait(every_s):
            with suppress(Conflict, ServiceUnavailable):
                beat()

    thread = threading.Thread(target=run, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class LeaseState:
    """Who holds the lease, and how far it is. `alive` is False for a lease that may be taken."""

    holder: str | None
    role: str | None
    fence: int
    alive: bool
    lexical_seq: Seq
    vector_seq: Seq
    waiting: int


NOBODY = LeaseState(None, None, 0, alive=False, lexical_seq=START, vector_seq=START, waiting=0)
"""A home that never had an index worker."""


class Lease:
    """One process's handle on the lease of its home.

    Args:
        database: the indexer's.
        home: the home's own id, so that replicas on one PostgreSQL each index their own folder.
        role: `serve` or `crawl`, for those who find it taken.
        standing: the fencing number of what is published; a new one is higher also where the database was made anew.
        server: the `holder` of the server that this process is one of several workers of; None where it is all of one.

    """

    def __init__(
        self,
        database: Database,
        home: str,
        *,
        role: str,
        standing: Callable[[], int] = lambda: 0,
        server: str | None = None,
    ) -> None:
        self._database = database
        self._home = home
        self._role = role
        self._standing = standing
        self._server = server
        self._holder = f"{_machine()}:{os.getpid()}:{secrets.token_hex(4) if server is None else _group(server)}"
        self.fence = 0

    @property
    def holder(self) -> str:
        """Who this is: the machine, the process, and a word that the workers of one server share."""
        return self._holder

    def state(self) -> LeaseState:
        """The lease as it stands."""
        with self._database.read() as connection:
            row = connection.execute(select(lease).where(lease.c.home == self._home)).one_or_none()
        if row is None:
            return NOBODY
        alive = row.holder is not None and -AHEAD_S < time.time() - row.beat_at < EXPIRY_S and not _is_dead_here(row.holder)
        return LeaseState(row.holder, row.role, row.fence, alive, Seq(row.lexical_seq), Seq(row.vector_seq), row.waiting)

    def acquire(self) -> bool:
        """Take the lease if it is free, or held for this process by its server; True when this process holds it now."""
        before = self.state()
        if before.alive and before.holder not in {self._holder, self._server}:
            return False
        fence = max(before.fence, self._standing()) + 1
        with self._database.write() as connection:
            if before is NOBODY:
                values = {"lexical_seq": 0, "vector_seq": 0, "waiting": 0, "fence": 0, "beat_at": 0.0}
                connection.execute(insert_new(connection, lease), [{"home": self._home, **values}])
            taken = connection.execute(
                update(lease)
                .where(lease.c.home == self._home, lease.c.fence == before.fence)
                .values(holder=self._holder, role=self._role, fence=fence, beat_at=time.time())
            )
        if taken.rowcount != 1:
            return False
        self.fence = fence
        return True

    def claim(self) -> None:
        """Take the lease for a server; one that a crawl holds, which indexes for itself, is left to it until it ends.

        Taken here and not only looked at, so that of two servers that start at the same moment one is refused.

        Raises:
            Conflict: another server serves this home.

        """
        if self.acquire():
            return
        state = self.state()
        if state.alive and state.role == "serve":
            raise Conflict("another `headwater serve` serves this home; stop it, or set HEADWATER_HOME to another folder")

    def beat(self, *, lexical_seq: Seq, vector_seq: Seq, waiting: int) -> bool:
        """Say that this holder lives and how far it is; False when the lease was lost."""
        with self._database.write() as connection:
            done = connection.execute(
                update(lease)
                .where(lease.c.home == self._home, lease.c.fence == self.fence, lease.c.holder == self._holder)
                .values(beat_at=time.time(), lexical_seq=lexical_seq, vector_seq=vector_seq, waiting=waiting)
            )
        return done.rowcount == 1

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Say meanwhile that this holder lives, though it has nothing to tell yet; nothing where it holds no lease."""
        with beating(self.stay, BEAT_S):
            yield

    def stay(self) -> None:
        """Say that this holder lives, and nothing else; nothing where it holds no lease any more."""
        if not self.fence:
            return
        with self._database.write() as connection:
            connection.execute(
                update(lease)
                .where(lease.c.home == self._home, lease.c.fence == self.fence, lease.c.holder == self._holder)
                .values(beat_at=time.time())
            )

    def holds(self) -> bool:
        """Whether this process still holds it, asked of the database."""
        now = self.state()
        return now.holder == self._holder and now.fence == self.fence

    def leads(self) -> bool:
        """Whether this process does what only one worker of a server does: True unless another one of them holds the lease.

        Where somebody else works for the home, such as a crawl, all of them lead: they take turns then.
        """
        if self._server is None:
            return True
        now = self.state()
        return not now.alive or now.holder in {None, self._holder} or _group(str(now.holder)) != _group(self._server)

    def release(self) -> None:
        """Give the lease back, so that the next one need not wait for it to expire."""
        with self._database.write() as connection:
            connection.execute(
                update(lease)
                .where(lease.c.home == self._home, lease.c.fence == self.fence, lease.c.holder == self._holder)
                .values(holder=None, beat_at=0.0)
            )


def _group(holder: str) -> str:
    """The word that the workers of one server share."""
    return holder.rpartition(":")[2]


def _machine() -> str:
    """Where a process number means something: the host and, on Linux, the container's own process namespace."""
    try:
        return f"{socket.gethostname()}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _is_dead_here(holder: str) -> bool:
    """Whether the holder ran on this machine and its process is gone: no need to wait for the lease to expire."""
    machine, pid, _ = holder.rsplit(":", 2)
    if machine != _machine():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def home_id(home: Path) -> str:
    """The id of a home, made when first asked for: replicas on one database each have their own index and lease.

    Raises:
        WrongSettings: the file that holds it is empty.

    """
    path = home / "home.id"
    known = kept_once(path, lambda: secrets.token_hex(16), bool)
    if known is None:
        raise WrongSettings(f"{path} is empty: remove it, and start again")
    return known
