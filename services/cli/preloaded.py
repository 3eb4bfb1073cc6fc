"""What every worker of a server imports, imported once: workers are forks of the process that did it, and share its memory.

Python's own start method `forkserver` imports this in a process with one thread (`workers`).
"""

from __future__ import annotations

import gc
import os
import signal
from contextlib import suppress
from pathlib import Path

from services import compose as _compose
from services.cli import serving as _serving
from services.cli import workers as _workers
from services.common.errors import ModelUnavailable
from services.indexer.embed.converted import open_converted
from services.indexer.embed.onnx_encoder import hold

__all__: list[str] = []
if (_folder := os.environ.pop(_workers.HELD_MODEL, None)) is not None:
    with suppress(ModelUnavailable):  # each worker then opens its own, and says what is wrong
        hold(open_converted(Path(_folder)))
# the collector writes into every object that it looks at, and what is written to is no longer shared
gc.collect()
gc.freeze()
# forks heed what stops them; the process that they are forks of does not, and ends with its supervisor
os.register_at_fork(after_in_child=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _workers.STOPS))
del _compose, _serving
