"""One file a kind of statement: from its tree to what it does to tables."""
