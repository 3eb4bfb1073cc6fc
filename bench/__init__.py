"""Benchmarks: one module a table; `python -m bench` lists them. What they print goes into `RESULTS.md`."""
