"""Reasons of the controls: curves of other data sets, unrelated curves, wrong horizons."""

TEMPLATES = {
    "control-needs-schedule": "the learning-rate schedule is not known",
    "fewer-than-two-curves": "there are fewer than two curves to draw from",
    "fewer-than-two-other-groups": "there are fewer than two groups of curves on other data sets",
    "fewer-than-two-of-this-end-slope": "fewer than two curves of other data sets have this end slope",
    "control-at-constant-rate": "the learning-rate schedule is not known, and unrelated curves are drawn at a constant "
    "rate: this control is generous",
    "cut-needs-constant-rate": "only curves trained at a constant learning rate can be cut: under a schedule the end "
    "of a curve is made by the schedule",
    "rise-needs-three-seeds": "two ladders are compared by three seeds of each model size or more",
    "rise-needs-a-deviation": "neither ladder deviates by more than its noise",
    "rise-needs-one-scale": "the two ladders are not on one scale and one grid",
    "group-not-testable": "{why}",
    "cut-needs-a-floor": "a wrong horizon does not show without an irreducible loss: {why}",
    "three-seeds-for-exactness": "the exactness test needs three seeds of each model size",
    "not-exact-as-it-stands": "the collapse is not exact as it stands (p = {p:.2g}), so that an error of the horizons "
    "may add to the deviation or hide it",
    "not-cut": "{why}",
    "cut-curves-do-not-differ": "the curves that were cut do not differ between seeds",
}
