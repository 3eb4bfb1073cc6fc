"""Crawls warehouses, embeds what they hold, and answers which of it a question asks for."""
