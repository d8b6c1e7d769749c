"""Scaling laws from final losses alone: L(N, D), iso-FLOP profiles, intervals, held-out budgets."""
