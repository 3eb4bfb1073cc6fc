"""Plumbing that two services need: settings, database, HTTP problems, logs. Nothing here knows what a table is."""
