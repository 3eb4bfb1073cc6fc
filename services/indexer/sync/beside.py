"""Another model's generation, which answers while that of the settings' model is built beside it.

Journey 1, after the model in the settings was changed: questions go on by meaning, and are switched once the new one knows as much.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from services.common.errors import HeadwaterError, IndexDamaged, ModelUnavailable
from services.common.ports import ChangeFeed
from services.common.runtime.db import Database
from services.common.runtime.logs import get_logger
from services.indexer.embed.encoder import Encoder
from services.indexer.index.generation import Generations
from services.indexer.index.snapshot import Snapshot
from services.indexer.store.cache import EmbeddingCache
from services.indexer.sync.keeper import Keeper

_log = get_logger("index")


class Beside:
    """The published generation of another model, followed until it is no longer needed.

    Args:
        encoder: that model's.
        keeper: stands on its generation.

    """

    def __init__(self, encoder: Encoder, keeper: Keeper) -> None:
        self.encoder = encoder
        self._keeper = keeper

    @property
    def snapshot(self) -> Snapshot:
        """What answers meanwhile."""
        return self._keeper.snapshot

    def is_due(self, built: Snapshot) -> bool:
        """Follow the feed as far as `built` has; whether that knows everything by now, vectors included.

        The feed may be away: what is known by then goes on answering.
        """
        try:
            self._keeper.catch_up()
        except HeadwaterError as error:
            _log.warning("the model before waits", code=error.code, detail=error.detail)
        done, every = built.coverage
        return done == every and built.seq >= self._keeper.seq


def open_beside(
    folder: Path,
    feed: ChangeFeed,
    database: Database,
    model: str,
    opened: Callable[[str], Encoder],
) -> Beside | None:
    """The published generation where it belongs to another model than `model`, and can be searched; None otherwise.

    Args:
        folder: `<home>/index`.
        feed: the catalog's changes.
        database: the indexer's, with that model's vectors.
        model: the id of the settings' model.
        opened: gives the encoder of a model's id.

    Raises:
        ServiceUnavailable: the feed does not answer.

    """
    generations = Generations(folder)
    try:
        published = generations.current()
        if published is None or published.model in {None, model}:
            return None
        encoder = opened(str(published.model))
    except (IndexDamaged, ModelUnavailable) as error:
        _log.warning("no model answers while another one is built", code=error.code, detail=error.detail)
        return None
    lookup = EmbeddingCache(database, encoder.model_id).lookup
    keeper = Keeper(feed, generations, lookup, model=encoder.model_id, dimension=encoder.dimension)
    if encoder.weights != published.weights or not keeper.reopen():
        encoder.close()
        return None
    _log.info("another model answers until this one is built", answers=str(published.model), built=model)
    return Beside(encoder, keeper)
