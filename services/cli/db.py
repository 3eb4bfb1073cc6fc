"""`headwater db upgrade`: bring the three databases to this version's tables."""

from __future__ import annotations

import argparse

from services.cli.exits import DONE
from services.cli.terminal import settings_of
from services.workspace import upgrade_all


def run(arguments: argparse.Namespace) -> int:
    """Upgrade all three."""
    for service, revision in upgrade_all(settings_of(arguments, begins=True)).items():
        print(f"{service}: at revision {revision}")
    return DONE
