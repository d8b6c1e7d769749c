"""Ladders of one run a size: what can be described without seeds, and from where a noise level may be borrowed."""
