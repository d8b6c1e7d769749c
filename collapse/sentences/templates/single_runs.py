"""Reasons of ladders of one run a model size: what they cannot say, and where their noise level is from."""

TEMPLATES = {
    "single-described": "one run of each model size is described, not tested",
    "single-described-besides": "{why}; one run of each model size is described, not tested",
    "single-on-shape-scale": "{why}: curves are on the shape scale; --floor 0 takes losses as they are",
    "no-noise-level": "there is no noise level: one run of each model size, and none was run again",
    "noise-from-reruns": "the noise is from {runs:n run} of {sizes:n model size} of this group that were run again",
    "noise-from-groups": "the noise is borrowed from other groups: {groups:some}; it is taken to be theirs here",
    "no-noise-from-groups": "there is no noise level from other groups: none has two seeds of a model size on this "
    "scale and stretch of x",
    "noise-from-neighbours": "the noise is from the scatter of {evaluations} neighbouring evaluations: a lower "
    "limit, for what neighbours share does not show in it",
    "no-noise-from-neighbours": "there is no noise level from neighbouring evaluations: {evaluations} of them have "
    "three on either side",
    "fewer-than-three-runs": "there are fewer than three model sizes with a complete run",
    "values-do-not-change": "the losses do not change",
    "no-reruns": "there are no reruns, so no noise",
    "tightest-at-the-edge": "not identified: the tightest irreducible loss is the edge of the candidates",
    "tight-over-a-range": "not identified: irreducible losses from {low:g} to {high:g} are as tight as noise allows",
    "tightest-differs-along-x": "not identified: the tightest irreducible loss differs between early, middle and "
    "late x",
    "tightest-throughout": "one irreducible loss is tightest throughout",
    "single-no-controls": "no controls: permuting curves among model sizes and cutting them at wrong training "
    "lengths need seeds to compare with",
    "single-no-envelope": "no envelope and no p: it needs two model sizes of three seeds",
    "single-no-deltas": "no interval of delta from seeds: it needs three model sizes of two seeds",
    "single-no-rescalings": "rescalings are not ranked: an anchor read off the very run that it is judged by would "
    "win; it needs two seeds of each model size",
    "single-no-balance": "no irreducible loss implied by the collapse with an interval: it needs three model sizes "
    "of three seeds",
    "single-no-forms": "forms are not compared: a bootstrap over seeds needs two of them at each model size",
    "single-no-frontier": "no frontier exponent: the irreducible loss is not known",
}
