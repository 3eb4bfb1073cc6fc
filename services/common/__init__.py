"""What at least two services need: the vocabulary (`model`), the ports between services, the errors, the plumbing."""
