"""Benchmarks for maintainers: each prints times as ratios against the alternative, in one run."""
