"""Statements of query logs: told apart without their literals, read once, and turned into facts about tables and columns."""
