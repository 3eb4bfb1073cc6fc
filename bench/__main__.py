"""`python -m bench NAME …`: the benchmarks by name; without one, the list. `make bench ARGS="demo"` is the same."""

from __future__ import annotations

import importlib
import sys

BENCHMARKS = {
    "demo": "the demo's judged questions, beside BM25, with the shuffled control",
    "relevance": "open pools of questions, beside BM25, MiniLM alone and rank fusion: relevance DATA",
    "crawl": "a PostgreSQL of 3,000 tables, to the commit and to the last vector",
    "schemas": "real schemas through metadata://, to the last vector: schemas DATA",
    "history": "3,488 revisions of real schemas replayed and read back, with controls: history DATA",
    "catalog_put": "the store's commits alone, on SQLite and PostgreSQL",
}


def main() -> int:
    """Run one benchmark."""
    if len(sys.argv) < 2 or sys.argv[1] not in BENCHMARKS:
        print('usage: make bench ARGS="NAME …"\n')
        for name, text in BENCHMARKS.items():
            print(f"  {name:<12} {text}")
        return 0 if len(sys.argv) < 2 else 2
    name = sys.argv.pop(1)
    importlib.import_module(f"bench.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
