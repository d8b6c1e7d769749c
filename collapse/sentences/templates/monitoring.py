"""How a trial leaves the others while a sweep runs; the trial's name stands before each."""

TEMPLATES = {
    "leaves-its-size": "leaves the other seeds of its size by {by:percent} at x = {x:.2g}; they keep within "
    "{within:percent}",
    "leaves-the-sizes": "leaves the other model sizes by {by:percent} at x = {x:.2g}; they keep within "
    "{within:percent}",
    "does-not-improve": "does not improve on the range of x that is compared",
    "ended-early": "ended early at x = {x:.2g} ({status})",
    "ended-before-any": "ended early, before any evaluation ({status})",
}
