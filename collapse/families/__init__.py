"""Families beside each other: one curve, one form, or each its own; and how much the data set decides."""
