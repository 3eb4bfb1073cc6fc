"""What people run, made useful: usage of tables and columns, what is used together, and how well that is foretold."""
