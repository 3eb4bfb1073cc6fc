"""The parser as the rest of the service sees it: many statements in, a reading for each out, never an exception for one.

Journey 3, step "definition → references". A statement that breaks a limit, or twice ends the worker process, is answered
with its problem; a new process takes the rest.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import services
from services.common.errors import ServiceUnavailable
from services.common.model.schema_changes import PlannedChanges
from services.lineage.sql.ddl_script import Ddl
from services.lineage.sql.facts import ScriptLineage, StatementLineage
from services.lineage.sql.frames import EXIT_MEMORY, LENGTH, READY, Answer, Limits, Question, dump_batch, frame, load_answer
from services.lineage.sql.logged import LogStatement, Shape, Shaped, Usage
from services.lineage.sql.script import Script
from services.lineage.sql.statement import Problem, Reading, Statement
from services.lineage.sql.wording import Worded, Wording

_START_S = 60.0
"""The first frame comes after 0.3 s; a machine under full load may need much longer to import the parser."""
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "LANG", "LC_ALL", "TMPDIR")
"""What the process is told of ours. What reads strangers' SQL needs no passwords and no keys."""
_BATCH = 256
_BATCH_BYTES = 4_000_000
_CACHE = 20_000
"""Readings kept: a few hundred bytes each, and a crawl of a large warehouse brings as many views. A lineage counts for one
and one more for every ten column edges."""

_Key = tuple[str, str, str]


PATIENT = Limits(seconds=30.0)
"""For what took too long on a machine that may have been busy: six times as long."""


class SqlParser:
    """Reads statements in a worker process that is started when the first one comes. Safe to use from several threads.

    Args:
        limits: what one statement may take.
        again: whether it is asked for what took too long before: that is then said, and its process ends after each call.

    """

    def __init__(self, limits: Limits | None = None, *, again: bool = False) -> None:
        self._limits = limits or Limits()
        self._again = again
        self._lock = threading.Lock()
        self._worker: _Worker | None = None
        self._cache: OrderedDict[_Key, Answer] = OrderedDict()
        self._cached = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The worker process's id; None while there is none."""
        return None if self._worker is None else self._worker.pid

    def read_many(self, statements: Sequence[Statement]) -> list[Reading]:
        """A reading for each statement, in their order.

        Raises:
            ServiceUnavailable: no worker process can be started; trying again may help.

        """
        return [answer for answer in self._ask(statements) if isinstance(answer, Reading)]

    def read_scripts(self, scripts: Sequence[Script]) -> list[ScriptLineage]:
        """The lineage of each text, in their order. One that breaks a limit is one statement with its problem.

        Raises:
            ServiceUnavailable: no worker process can be started; trying again may help.

        """
        return [_as_lineage(answer) for answer in self._ask(scripts)]

    def read_shapes(self, shapes: Sequence[Shape]) -> list[Shaped | Problem]:
        """What each statement is without its literals, in their order; why not, for one that breaks a limit.

        Raises:
            ServiceUnavailable: no worker process can be started; trying again may help.

        """
        return [answer if isinstance(answer, Shaped) else _problem(answer) for answer in self._ask(shapes, keep=False)]

    def read_usages(self, statements: Sequence[LogStatement]) -> list[Usage]:
        """What each statement of a log does, in their order.

        Raises:
            ServiceUnavailable: no worker process can be started; trying again may help.

        """
        answers = self._ask(statements, keep=False)
        return [one if isinstance(one, Usage) else Usage("UNPARSED", problem=_problem(one)) for one in answers]

    def read_ddl(self, script: Ddl) -> PlannedChanges:
        """What a script of DDL would change; one that breaks a limit is a problem.

        Raises:
            ServiceUnavailable: no worker process can be started; trying again may help.

        """
        answer = self._ask([script], keep=False)[0]
        if isinstance(answer, PlannedChanges):
            return answer
        return PlannedChanges((), 0, (f"the script: {_problem(answer)}",))

    def read_wordings(self, wordings: Sequence[Wording]) -> list[Worded | None]:
        """The expressions of each definition, in their order; None for one that cannot be read.

        Raises:
            ServiceUnavailable: no worker process can be started; trying again may help.

        """
        return [answer if isinstance(answer, Worded) else None for answer in self._ask(wordings, keep=False)]

    def close(self) -> None:
        """End the worker process. The parser may be used again: it starts another."""
        with self._lock:
            self._end_worker()

    def _ask(self, questions: Sequence[Question], *, keep: bool = True) -> list[Answer]:
        with self._lock:
            keys = [_key(question) for question in questions]
            answers = {key: self._at_once(question, key) for key, question in zip(keys, questions, strict=True)}
            todo = dict(zip(keys, questions, strict=True))
            waiting = [question for key, question in todo.items() if answers[key] is None]
            for batch in _batches(waiting):
                for question, answer in zip(batch, self._read_batch(batch), strict=True):
                    key = _key(question)
                    answers[key] = answer
                    if keep:
                        self._remember(key, answer)
            if self._again:
                self._end_worker()
            return [found for key in keys if (found := answers[key]) is not None]

    def _at_once(self, question: Question, key: _Key) -> Answer | None:
        if len(question.sql.encode("utf-8", "surrogatepass")) > self._limits.sql_bytes:
            return Reading(problem=Problem.TOO_LARGE)
        known = self._cache.get(key)
        if known is not None:
            self._cache.move_to_end(key)
        return known

    def _remember(self, key: _Key, answer: Answer) -> None:
        if not isinstance(answer, Reading) or answer.problem is None or answer.problem.lasting:
            self._cache[key] = answer
            self._cached += _weight(answer)
            while self._cached > _CACHE:
                self._cached -= _weight(self._cache.popitem(last=False)[1])

    def _read_batch(self, batch: list[Question]) -> list[Answer]:
        answers: list[Answer] = []
        suspect = -1
        while len(answers) < len(batch):
            worker = self._worker or _Worker(self._limits)
            self._worker = worker
            rest = batch[len(answers) :] if suspect != len(answers) else batch[suspect : suspect + 1]
            if not worker.send(dump_batch(rest)):
                self._end_worker()  # it ended while it had nothing to do: nobody's fault, and a new one takes over
                continue
            for _ in rest:
                body = worker.receive(self._limits.seconds)
                if body is None:
                    problem = self._end_worker()
                    if problem is Problem.TIMEOUT or suspect == len(answers):
                        late = self._again and problem is Problem.TIMEOUT
                        answers.append(Reading(problem=Problem.TIMEOUT_AGAIN if late else problem))
                    else:  # the statements before it may be to blame, or nobody here: it has a second chance, alone
                        suspect = len(answers)
                    break
                answers.append(load_answer(body))
        return answers

    def _end_worker(self) -> Problem:
        """End the process; what it died of, seen from the statement that it was reading."""
        worker, self._worker = self._worker, None
        return Problem.CRASHED if worker is None else worker.end()


class _Worker:
    """One process and its two pipes."""

    def __init__(self, limits: Limits) -> None:
        root = str(Path(services.__file__).parent.parent)
        path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part)
        command = [sys.executable, "-m", "services.lineage.sql.child", str(limits.seconds), str(limits.memory_bytes)]
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**{name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}, "PYTHONPATH": path},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in = self._process.stdin
        self._out = self._process.stdout.fileno()
        self._late = False
        if self.receive(_START_S) != READY:
            self.end()
            raise ServiceUnavailable("the SQL reader's process cannot be started; its memory limit may be too low")

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, body: bytes) -> bool:
        """Whether the process took the frame; it reads a whole frame before it answers, so this cannot lock up."""
        view = memoryview(frame(body))
        try:
            while view:
                view = view[self._in.write(view) or 0 :]
        except BrokenPipeError:
            return False
        return True

    def receive(self, seconds: float) -> bytes | None:
        """The next frame's body; None where the process ended or none came in time."""
        until = time.monotonic() + seconds
        head = self._exactly(LENGTH.size, until)
        return None if head is None else self._exactly(LENGTH.unpack(head)[0], until)

    def _exactly(self, size: int, until: float) -> bytes | None:
        body = bytearray()
        ready = select.poll()
        ready.register(self._out, select.POLLIN | select.POLLHUP)
        while len(body) < size:
            left_ms = (until - time.monotonic()) * 1000
            if left_ms <= 0 or not ready.poll(left_ms):
                self._late = True
                return None
            chunk = os.read(self._out, size - len(body))
            if not chunk:
                return None
            body += chunk
        return bytes(body)

    def end(self) -> Problem:
        """Stop the process if it still runs and say what it died of."""
        if self._late:
            self._process.kill()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._in.close()
        try:
            status = self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        if self._late:
            return Problem.TIMEOUT
        return Problem.MEMORY if status == EXIT_MEMORY else Problem.CRASHED


def _key(question: Question) -> _Key:
    return type(question).__name__, question.dialect, question.sha256


def _weight(answer: Answer) -> int:
    return 1 + len(answer.whole.column_edges) // 10 if isinstance(answer, ScriptLineage) else 1


def _problem(answer: Answer) -> Problem:
    return (answer.problem if isinstance(answer, Reading) else None) or Problem.SYNTAX


def _as_lineage(answer: Answer) -> ScriptLineage:
    if isinstance(answer, ScriptLineage):
        return answer
    reason = answer.reason if isinstance(answer, Reading) else None
    return ScriptLineage((StatementLineage("UNPARSED", error=reason),))


def _batches(statements: Sequence[Question]) -> Iterator[list[Question]]:
    batch: list[Question] = []
    size = 0
    for statement in statements:
        if batch and (len(batch) >= _BATCH or size + len(statement.sql) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(statement)
        size += len(statement.sql)
    if batch:
        yield batch
