"""The index: immutable segments of words and vectors, generations that publish them, the delta on top."""
