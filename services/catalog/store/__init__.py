"""The catalog's system of record: tables, and the statements on them. Stores never commit; the journeys above do."""
