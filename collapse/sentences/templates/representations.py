"""Reasons of comparisons of representations between trials."""

TEMPLATES = {
    "pairs-of-too-few-seeds": "{n} seeds, an interval needs {needed}",
    "pairs-left-out": "most draws of the seeds leave no pair of two",
}
