"""A worker whose event loop is stuck answers nobody, while a thread of it still answers its supervisor: it ends itself.

The supervisor then replaces it as one that died. What held the loop is in the log.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import sys
import threading

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common.runtime.logs import get_logger

TICK_S = 1.0
"""How often the loop is asked."""
TICKS = 8
"""So many ticks without its answer, and it is stuck: it is ended before its lease runs out. Ticks and no clock, because in a process
that stood still as a whole, with its machine or by SIGSTOP, they stand still too."""
_log = get_logger("serve")


class EndsWhereStuck:
    """ASGI layer that watches the loop it runs on, from the end of the application's start to its being told to stop."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._stopping = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; or the server's own start and stop."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        loop = asyncio.get_running_loop()

        async def told() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self._stopping.set()
            return message

        async def started(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                threading.Thread(target=self._watch, args=(loop,), name="stuck", daemon=True).start()

        await self._app(scope, told, started)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        answered, missed = threading.Event(), 0
        answered.set()
        while not self._stopping.wait(TICK_S):
            if answered.is_set():
                missed = 0
                answered.clear()
                try:
                    loop.call_soon_threadsafe(answered.set)
                except RuntimeError:  # it was closed
                    return
                continue
            missed += 1
            if missed == TICKS:
                _end()


def _end() -> None:
    """Say where every thread stands, and end this process, which can no longer stop by itself."""
    _log.error("the event loop is stuck; this worker ends itself", process=os.getpid(), after_s=TICKS * TICK_S)
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)
