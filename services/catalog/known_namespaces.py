"""Which source owns what: the settings' namespaces with those of the sources that the catalog has seen.

Beside the journeys: names that only SQL, events or query logs know are looked up here.
"""

from __future__ import annotations

from services.catalog.assets import AssetReader
from services.common.model.names import Namespaces


def known_namespaces(configured: Namespaces, reader: AssetReader) -> Namespaces:
    """The namespaces of the settings' sources and of those that the catalog has seen, which win no alias over them."""
    aliases = dict(configured.aliases)
    owners = dict(configured.sources)
    databases = {namespace: dict(known) for namespace, known in configured.databases.items()}
    for source in reader.known_sources():
        if source.database is not None:
            databases.setdefault(source.namespace, {}).setdefault(source.database, source.name)
        elif source.into is None:
            owners.setdefault(source.namespace, source.name)
        for alias in source.aliases:
            aliases.setdefault(alias, source.namespace)
    return Namespaces(aliases=aliases, sources=owners, databases=databases)
