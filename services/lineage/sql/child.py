"""The worker process: reads statements from standard input, answers on standard output, dies of its own limits.

Journey 3, step "definition → references"; started by `worker` as `python -m services.lineage.sql.child`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import resource
import signal
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from services.lineage.sql.ddl import read_ddl
from services.lineage.sql.ddl_script import Ddl
from services.lineage.sql.expressions import read_wording
from services.lineage.sql.extract import read_script
from services.lineage.sql.frames import EXIT_MEMORY, LENGTH, READY, Answer, Question, dump_answer, frame, load_batch
from services.lineage.sql.logged import Shape
from services.lineage.sql.parse import read_tables
from services.lineage.sql.script import Script
from services.lineage.sql.shape import read_shape
from services.lineage.sql.statement import Problem, Reading, Statement
from services.lineage.sql.usage import read_usage
from services.lineage.sql.wording import Wording

_STACK_BYTES = 512 << 20
"""Address space of the parsing thread's stack: what is never touched costs nothing. Read at 1,000 levels of every
bracketed form of SQL with it, where the default stack ends at 50."""
_RECURSION = 100_000
_SHORT = 0.9
"""Of the address space: an allocation that fails is at most a few MB, and the peak before it is close to the limit."""
_GRACE_S = 2.0
"""The parent ends a worker that is late; one whose parent is gone ends itself so much later."""


def main(seconds: float, memory_bytes: int) -> None:
    """Answer batches until standard input ends."""
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL + 1)  # its warnings quote the SQL
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    with contextlib.suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    sys.setrecursionlimit(_RECURSION)
    threading.stack_size(min(_STACK_BYTES, memory_bytes // 4) // 4096 * 4096)  # whole pages only
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing that prints may break the frames
    thread = threading.Thread(target=_serve, args=(source, sink, seconds + _GRACE_S, memory_bytes))
    thread.start()
    thread.join()


def _serve(source: BinaryIO, sink: BinaryIO, seconds: float, memory_bytes: int) -> None:
    sink.write(frame(READY))
    sink.flush()
    try:
        while len(head := source.read(LENGTH.size)) == LENGTH.size:
            (size,) = LENGTH.unpack(head)
            for question in load_batch(source.read(size)):
                signal.setitimer(signal.ITIMER_REAL, seconds)  # the default action ends the process
                answer = _read(question)
                if isinstance(answer, Reading) and answer.problem is not None and _has_been_short(memory_bytes):
                    os._exit(EXIT_MEMORY)
                body = dump_answer(answer)
                signal.setitimer(signal.ITIMER_REAL, 0)
                sink.write(frame(body))
                sink.flush()
    except BrokenPipeError:
        os._exit(0)  # the parent is gone


def _read(question: Question) -> Answer:
    try:
        if isinstance(question, Statement):
            return read_tables(question)
        if isinstance(question, Ddl):
            return read_ddl(question)
        if isinstance(question, Wording):
            return read_wording(question)
        if isinstance(question, Script):
            return read_script(question)
        return read_shape(question) if isinstance(question, Shape) else read_usage(question)
    except MemoryError:
        os._exit(EXIT_MEMORY)  # what is left of this process is not to be relied on
    except Exception:  # noqa: BLE001 - a process edge: whatever the parser trips over is one unread statement
        return Reading(problem=Problem.SYNTAX)


def _has_been_short(memory_bytes: int) -> bool:
    """Whether memory ran out: inside the parser that may come out as any of its errors (Linux; elsewhere never)."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except (OSError, MemoryError):
        return sys.platform == "linux"
    peak = re.search(r"VmPeak:\s+(\d+) kB", status)
    return peak is not None and int(peak[1]) * 1024 > _SHORT * memory_bytes


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
