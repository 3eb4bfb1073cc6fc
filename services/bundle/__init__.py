"""Bundles: a catalog's answers in one folder, made by `export`, proven by `check`, served by `sidecar` without a database."""
