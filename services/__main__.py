"""`headwater …` and `python -m services …`: the command line's front door, which imports nothing heavy itself."""

from __future__ import annotations

import sys

from services.cli.main import main as run_command
from services.common.runtime.garbage import set_survivors_aside


def main() -> int:
    """Run the command that this process was started for, and return its exit code.

    What concerns the process as a whole is set here, so that whoever calls a command inside a process of their own keeps theirs.
    """
    set_survivors_aside()
    return run_command()


if __name__ == "__main__":
    sys.exit(main())
