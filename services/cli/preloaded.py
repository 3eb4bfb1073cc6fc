"""What every worker of a server imports, imported once: workers are forks of the process that did it, and share its memory.

Python's own start method `forkserver` imports this in a process with one thread (`workers`).
"""

from __future__ import annotations

import gc
import os
import signal

from services import compose as _compose
from services.cli import serving as _serving
from services.cli import workers as _workers

__all__: list[str] = []
# the collector writes into every object that it looks at, and what is written to is no longer shared
gc.collect()
gc.freeze()
# forks heed what stops them; the process that they are forks of does not, and ends with its supervisor
os.register_at_fork(after_in_child=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _workers.STOPS))
del _compose, _serving
