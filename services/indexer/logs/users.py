"""What is kept of the users in query logs: stand-ins, names, or nothing, as the settings say.

Journey 3, step "log → lines".
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from services.common.runtime.pseudonyms import Pseudonyms, home_key
from services.indexer.logs.intake import Users

KeptUsers = Literal["hashed", "names", "off"]


def users_of(kept: KeptUsers, home: Path) -> Users:
    """The function that a user's name goes through.

    Args:
        kept: the setting `usage.users`.
        home: whose key stand-ins are made under.

    """
    if kept == "names":
        return lambda name: name
    if kept == "off":
        return lambda _name: None
    return Pseudonyms(home_key(home)).principal
