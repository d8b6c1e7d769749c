"""Optimisers: their step, their state and their maximal-update exponents."""
