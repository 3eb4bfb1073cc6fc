"""Where tables come from: one file a kind of source, each a stream of values. Journey 1, step 1, "crawl".

Read `source` first (what every source promises), then `open` (a URL becomes a source), then the source at hand.
"""
