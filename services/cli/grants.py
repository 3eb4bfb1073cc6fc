"""`headwater grants`: the script that gives a source's role the least that a crawl needs. Connects to nothing.

Before journey 1: what to hand to an administrator.
"""

from __future__ import annotations

import argparse

from services.cli.exits import DONE
from services.cli.terminal import settings_of
from services.common.errors import BadRequest
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources.open import open_source


def run(arguments: argparse.Namespace) -> int:
    """Print the script of a configured source or of a URL."""
    settings = settings_of(arguments, begins=True)
    name = arguments.source
    if "://" in name:
        source = SourceSettings(url=name)
    elif name in settings.sources:
        source = settings.sources[name]
    else:
        known = ", ".join(sorted(settings.sources)) or "none"
        raise BadRequest(f"no source is called {name}; configured are: {known}")
    with open_source(name if "://" not in name else "url", source) as opened:
        print(opened.grants(), end="")
    return DONE
