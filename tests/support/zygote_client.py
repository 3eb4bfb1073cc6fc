"""Becomes a command by asking a zygote for a fork: passes on streams, folder, environment and signals, and ends as the command ends.

usage: zygote_client.py SOCKET [ARGUMENT…]. It imports next to nothing, so that a shell's command is there in milliseconds.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from types import FrameType

NUMBER = 4
"""Bytes of each number that is sent: the order's length, the process number, the exit code."""


def main(place: str, arguments: list[str]) -> int:
    """Ask, hand signals on, and wait for the exit code, which is negative for a signal."""
    waiting: list[int] = []
    pid = 0

    def hand_on(told: int, _frame: FrameType | None) -> None:
        if pid:
            os.kill(pid, told)
        else:
            waiting.append(told)

    for told in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(told, hand_on)
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(place)
        where = os.getcwd()  # noqa: PTH109 - pathlib takes longer to import than all of this
        order = json.dumps({"argv": arguments, "cwd": where, "env": dict(os.environ)}).encode()
        socket.send_fds(asked, [len(order).to_bytes(NUMBER, "big")], [0, 1, 2])
        asked.sendall(order)
        pid = _number(asked)
        for told in waiting:
            os.kill(pid, told)
        return _number(asked)


def _number(asked: socket.socket) -> int:
    data = asked.recv(NUMBER, socket.MSG_WAITALL)
    if len(data) < NUMBER:
        sys.exit("the zygote is gone")
    return int.from_bytes(data, "big", signed=True)


if __name__ == "__main__":
    code = main(sys.argv[1], sys.argv[2:])
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)
