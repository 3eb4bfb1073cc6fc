"""The sample warehouse: a made-up retailer in a DuckDB file, and a log of the queries its people run.

`headwater demo` builds it and crawls it as it would any other source; nothing else imports this package.
"""
