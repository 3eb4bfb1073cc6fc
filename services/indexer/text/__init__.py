"""Words: how identifiers and prose become tokens, and how an asset becomes the texts that are indexed."""
