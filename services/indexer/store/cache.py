"""The embedding cache and the texts that wait for it: a text is encoded once a model, however often it occurs.

Journey 1, step "embed only texts never seen".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import bindparam, delete, func, select

from services.common.runtime.db import Database
from services.indexer.store.tables import embedding, insert_new, pending

_CHUNK = 500
"""Hashes asked for in one statement: both databases take this many parameters."""


class EmbeddingCache:
    """Vectors by the hash of their text, for one model.

    Args:
        database: the indexer's.
        model: the encoder's id.

    """

    def __init__(self, database: Database, model: str) -> None:
        self._database = database
        self.model = model

    def lookup(self, hashes: Sequence[bytes]) -> Mapping[bytes, NDArray[np.float16]]:
        """The vectors that are known, float16 (dimension,)."""
        out: dict[bytes, NDArray[np.float16]] = {}
        if not hashes:
            return out
        with self._database.read() as connection:
            for chunk in _chunks(dict.fromkeys(hashes)):
                wanted = select(embedding.c.text_hash, embedding.c.vector).where(
                    embedding.c.model == self.model, embedding.c.text_hash.in_(chunk)
                )
                for text_hash, vector in connection.execute(wanted):
                    out[bytes(text_hash)] = np.frombuffer(vector, dtype=np.float16)
        return out

    def put(self, vectors: Mapping[bytes, NDArray[np.float16]]) -> None:
        """Keep vectors, and take their texts off the list of those that wait; one commit."""
        if not vectors:
            return
        rows = [{"model": self.model, "text_hash": h, "vector": v.astype(np.float16).tobytes()} for h, v in vectors.items()]
        with self._database.write() as connection:
            connection.execute(insert_new(connection, embedding), rows)
            gone = delete(pending).where(pending.c.model == self.model, pending.c.text_hash == bindparam("gone"))
            connection.execute(gone, [{"gone": text_hash} for text_hash in vectors])

    def wait_for(self, texts: Mapping[bytes, str]) -> None:
        """Note texts that want a vector; those already noted stay as they are."""
        if not texts:
            return
        rows = [{"model": self.model, "text_hash": h, "text": storable(t)} for h, t in texts.items()]
        with self._database.write() as connection:
            connection.execute(insert_new(connection, pending), rows)

    def waiting(self, limit: int) -> dict[bytes, str]:
        """Some texts that want a vector, short ones first so that texts encoded together are of like length."""
        query = (
            select(pending.c.text_hash, pending.c.text)
            .where(pending.c.model == self.model)
            .order_by(pending.c.text_hash)
            .limit(limit)
        )
        with self._database.read() as connection:
            rows = [(bytes(text_hash), text) for text_hash, text in connection.execute(query)]
        # put in order here: the database would sort all that wait, a million of them each time
        return dict(sorted(rows, key=lambda row: (len(row[1]), row[0])))

    def awaited(self, hashes: Collection[bytes]) -> set[bytes]:
        """Those of some texts that are noted as wanting a vector."""
        out: set[bytes] = set()
        with self._database.read() as connection:
            for chunk in _chunks(hashes):
                wanted = select(pending.c.text_hash).where(pending.c.model == self.model, pending.c.text_hash.in_(chunk))
                out.update(bytes(text_hash) for (text_hash,) in connection.execute(wanted))
        return out

    def count_waiting(self) -> int:
        """How many texts want a vector."""
        query = select(func.count()).select_from(pending).where(pending.c.model == self.model)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def forget(self, hashes: Collection[bytes]) -> None:
        """Drop vectors, so that their texts are encoded again: for those that `verify` found wrong."""
        with self._database.write() as connection:
            for chunk in _chunks(dict.fromkeys(hashes)):
                connection.execute(
                    delete(embedding).where(embedding.c.model == self.model, embedding.c.text_hash.in_(chunk))
                )


def storable(text: str) -> str:
    """A text as it is stored and encoded: lone surrogates become `?`, as the encoder would make them, and zeros blanks."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")


def no_vectors(_hashes: Sequence[bytes]) -> Mapping[bytes, NDArray[np.float16]]:
    """The lookup of an index without a model."""
    return {}


def _chunks(hashes: Iterable[bytes]) -> Iterator[list[bytes]]:
    every = list(hashes)
    return (every[start : start + _CHUNK] for start in range(0, len(every), _CHUNK))
