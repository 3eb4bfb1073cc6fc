"""Where data comes from: view SQL becomes edges with evidence, edges become a graph, walks of it are bounded."""
