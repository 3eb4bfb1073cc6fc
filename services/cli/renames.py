"""`headwater renames`: tables that may have got another name, and a person's word on it.

Beside journey 1, from the terminal.
"""

from __future__ import annotations

import argparse

from services.catalog.api.crawl_shapes import RenamesShape, rename_shape
from services.cli.exits import DONE
from services.cli.terminal import say, settings_of
from services.common.errors import BadRequest
from services.common.model.access import FULL_SCOPE, Principal, Role
from services.workspace import Workspace


def run(arguments: argparse.Namespace) -> int:
    """List what is open, or decide on one."""
    settings = settings_of(arguments)
    space = Workspace(settings)
    try:
        if arguments.action != "list":
            if arguments.of is None:
                raise BadRequest(f"name the rename to {arguments.action}; `headwater renames` lists them")
            principal = Principal("cli", Role.ADMIN, FULL_SCOPE)
            if arguments.action == "accept":
                say(f"it is one table now: {space.renaming.accept(arguments.of, principal)}")
            else:
                space.renaming.reject(arguments.of, principal)
                say("they stay two tables")
            return DONE
        found = space.renaming.proposals(FULL_SCOPE)
        if arguments.json:
            print(RenamesShape(renames=[rename_shape(one) for one in found]).model_dump_json(indent=2))
            return DONE
        for one in found:
            print(f"{one.id}  {one.old_name} -> {one.new_name}  ({one.reason})")
        if not found:
            say("no renames to decide on")
        return DONE
    finally:
        space.close()
