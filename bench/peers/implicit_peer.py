"""implicit's BM25 item-item and ALS over handed reads: run by its own environment's Python, imports nothing of the project.

Statements are its users and tables its items; what comes back is a score of each table for each table.
"""

import sys
from pathlib import Path

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender
from scipy.sparse import csr_matrix

folder = Path(sys.argv[1])
given = np.load(folder / "reads.npz")
shape = tuple(given["shape"].tolist())
ones = np.ones(len(given["table"]), dtype=np.float32)
reads = csr_matrix((ones, (given["statement"], given["table"])), shape=shape)
bm25 = BM25Recommender(K=200, num_threads=1)
bm25.fit(reads, show_progress=False)
np.save(folder / "bm25.npy", bm25.similarity.toarray().astype(np.float32))
als = AlternatingLeastSquares(factors=32, regularization=0.05, iterations=20, random_state=0, num_threads=1)
als.fit(reads, show_progress=False)
items = als.item_factors
np.save(folder / "als.npy", (items @ items.T).astype(np.float32))
