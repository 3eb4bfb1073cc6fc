"""Headwater: a metadata catalog in one small service.

Three services live here (`catalog`, `indexer`, `lineage`), the values and ports they share (`common`), the command
line (`cli`), the sample warehouse (`demo`), and the one module that wires them together (`compose`).
"""

__version__ = "0.1.0"
