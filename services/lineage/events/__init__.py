"""OpenLineage events: what is sent, read and redacted, and folded into jobs, runs, datasets and edges."""
