"""Claims of a theory of learning: each a file with a statement, a predicted constant, a regime and a way to fail."""
