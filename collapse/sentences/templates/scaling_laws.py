"""Reasons of scaling laws of final losses."""

TEMPLATES = {
    "law-needs-runs": "a law of five parameters needs {needed} runs, got {runs}",
    "one-value-in-all-runs": "all runs have one {what}, so that how the loss depends on it cannot be told",
    "law-needs-three-values": "a power law with an irreducible loss needs three values of the {what}, got {values}",
    "tokens-follow-size": "the number of tokens follows the size in all runs, so that the two cannot be told apart: "
    "vary one while the other is fixed",
    "all-losses-equal": "all losses are equal",
    "no-floor-shows": "no irreducible loss E above zero shows in these runs",
    "exponent-at-lower-edge": "{exponent} lies at the lower edge of its range: that term is a constant",
    "exponent-at-upper-edge": "{exponent} lies at the upper edge of its range",
    "loss-independent-of": "the loss does not depend on {what} in these runs",
    "no-smaller-budget": "there is no smaller budget",
    "fewer-than-two-smaller-budgets": "it needs two smaller budgets",
    "parabola-needs-sizes": "a parabola with an error needs {needed} sizes, got {sizes}",
    "parabola-opens-downwards": "there is no minimum between the sizes that were run: the parabola opens downwards",
    "best-size-outside": "there is no minimum between the sizes that were run: the best size is {side} than "
    "all of them",
    "growth-needs-budgets": "a power law of the best size needs {needed} budgets with a minimum between their sizes, "
    "got {budgets}",
    "families-need-three-laws": "a comparison of families needs three laws without reservations, got {laws}",
}
