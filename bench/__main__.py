"""`python -m bench NAME …`: the benchmarks by name; without one, the list. `make bench ARGS="demo"` is the same."""

from __future__ import annotations

import importlib
import sys

BENCHMARKS = {
    "vocabulary": "glued names taken apart, and abbreviations learned from real schemas, with controls: vocabulary DATA",
    "demo": "the demo's judged questions, beside BM25, with the shuffled control",
    "ranker": "the learned ranking where it never was, what each feature is worth, and shuffled labels: ranker DATA",
    "adapter": "trains the encoder's adapter on spider_train, a half of the databases at a time (needs torch): adapter DATA",
    "relevance": "open pools of questions, beside six other ways to search, with the shuffled control: relevance DATA",
    "answerable": "whether anything answers: pools whole, a database at a time, names shortened, with a control: answerable DATA",
    "documented_columns": "columns found by what their descriptions say, beside MiniLM alone: documented_columns DATA",
    "filtered": "100,000 tables: filters against exact search, and how long questions take over HTTP: filtered DATA",
    "asked": "a home over HTTP: start to the first hybrid answer, a thousand questions each asked once, memory: asked HOME DATA",
    "vectors": "vector search alone beside FAISS's own kinds, and under filters, with controls: vectors INDEXER_DB",
    "search_names": "names typed whole, in part and with mistakes, beside trigrams and edit distance: search_names DATA",
    "answer_sets": "sets of tables against the best fixed k, held out, with ceilings and controls: answer_sets DATA [--calibrate]",
    "answer_sets_fit": "fits and writes the weights of answer sets, on spider_train alone: answer_sets_fit DATA",
    "crawl": "a PostgreSQL of 3,000 tables, to the commit and to the last vector",
    "schemas": "real schemas through metadata://, to the last vector: schemas DATA",
    "history": "3,488 revisions of real schemas replayed and read back, with controls: history DATA",
    "faults": "1,000 random faults of real servers while they are crawled: what is lost, and what a naive crawl would lose",
    "kill_points": "kill -9 at every write, fsync and rename from crawl to publish, by ordinal: what is lost, wrong, ready when",
    "kills": "50 crawls killed at random moments, then one that ends: what is lost or encoded twice",
    "statements": "statements for 100 and for 10,000 tables, by source",
    "manifest": "a dbt manifest of 2 GB: peak memory of reading and of crawling it",
    "next_day": "a crawl after 1 % of the tables changed: texts encoded",
    "lineage": "lineage from SQL beside its peers: cases, declared edges, variants, truth by execution, speed: lineage DATA",
    "lineage_unseen": "lineage from SQL on DataHub's golden files, a suite that it was not made with: lineage_unseen CHECKOUT [--misses]",
    "lineage_all": "every figure of lineage, one benchmark after the other: lineage_all DATA [--only PARTS] [--small]",
    "query_logs": "query logs into facts: lines a second and memory, short, many-shaped and long: query_logs [DATA] [--big N]",
    "lineage_graph": "walks, bounded answers and builds of large graphs beside four graph libraries: lineage_graph [--small]",
    "lineage_confidence": "confidence of edges between columns: hidden schemas, suites held out, a control: lineage_confidence DATA",
    "related_http": "100,000 tables with a log behind a server: related and similar over HTTP, whole answers: related_http DATA",
    "similar": "similar tables: copies, shards and offshoots planted among real tables, with controls: similar DATA",
    "lineage_history": "revisions of real schemas replayed in order and shuffled: the same graph at 50 dates: lineage_history DATA",
    "usage": "queries foretold beside popularity, co-occurrence, text, SVD and implicit, with controls: usage DATA",
    "usage_people": "a log of a million people: memory and seconds of reading it all, and one answer: usage_people [--people N,…]",
    "lineage_events": "OpenLineage events over HTTP: events a second in batches, one event's p95, kill -9, how soon datasets are found",
    "feedback": "what a ranking would learn from simulated people, an adversary and shuffled clicks: feedback DATA",
    "sidecar": "a bundle of 10,000 tables: start, memory, idle processor time, beside its centre: sidecar DATA",
    "workers": "four workers over one copy of a home's index, and four servers over a copy each: memory: workers HOME DATA",
    "found": "a write until it is found over HTTP, while a crawl runs beside it, with controls: found DATA",
    "encoding": "texts encoded for each second of the processor, beside sentence-transformers: encoding DATA",
    "warehouse": "a home of 100,000 tables with vectors, made once for other measurements: warehouse DATA HOME [--tables N]",
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
