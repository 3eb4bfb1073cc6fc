"""The indexer's own database: the embedding cache, texts that wait for a vector, and the lease of the one index worker."""
