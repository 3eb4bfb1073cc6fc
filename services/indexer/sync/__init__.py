"""Following the catalog's feed: every process keeps a snapshot, the one that holds the lease encodes and publishes."""
