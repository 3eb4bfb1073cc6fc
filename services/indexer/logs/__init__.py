"""Readers of query logs: one file a format, each a stream of lines in bounded memory; SQL is not parsed here."""
