"""`headwater …` and `python -m services …`: the command line's front door, which imports nothing heavy itself."""

from __future__ import annotations

import sys

from services.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
