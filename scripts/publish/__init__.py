"""Makers of the published tables and figures in `results/reference/` and in the READMEs."""
