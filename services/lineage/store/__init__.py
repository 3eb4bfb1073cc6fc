"""The lineage service's own tables: datasets, edges with their intervals, definitions without their text, a checkpoint."""
