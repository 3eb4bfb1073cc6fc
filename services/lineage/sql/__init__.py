"""SQL text to the tables that it reads: values, the pure reader, and the worker process that runs it within limits."""
