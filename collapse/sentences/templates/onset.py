"""Reasons of the onset: why there is none, what keeps the next smaller size out, why omega is not identified."""

TEMPLATES = {
    "onset-needs-three-sizes": "an onset needs three model sizes, got {sizes}",
    "onset-without-a-sound-ladder": "there is no onset to look for, because {why}",
    "onset-none": "not even the {sizes} largest model sizes lie within the margin: {why}",
    "onset-refuted": "from {size} on the deviation is at least {lower:percent}, which reaches {margin:percent}: more "
    "seeds do not change that, larger model sizes might",
    "onset-undecided": "from {size} on the deviation is bounded by {upper:percent}, and its estimate of "
    "{deviation:percent} reaches {margin:percent} already: more seeds would not show it to be within the margin, "
    "larger model sizes might",
    "onset-underpowered": "from {size} on the deviation of {deviation:percent} is bounded by {upper:percent}; about "
    "{more:n more seed} a model size would bring that below {margin:percent} if the deviation stays as it is",
    "onset-beyond-seeds": "from {size} on the deviation of {deviation:percent} is bounded by {upper:percent}; no "
    "number of seeds that anyone trains would bring that below {margin:percent}",
    "onset-of-shapes": "the onset is that of shapes, because {why}",
    "onset-at-a-fitted-floor": "under the condition that the irreducible loss is {value:.4g}, which these curves gave",
    "onset-none-of-runs": "even the {sizes} largest runs differ by {deviation:percent}, and {margin:percent} is asked "
    "for, noise included: larger model sizes or several seeds a model size are needed",
    "omega-needs-four-sizes": "the exponent omega of a correction needs four model sizes, got {sizes}",
    "omega-does-not-fit": "one correction c(x) p^-omega does not describe the approach, with four model sizes neither "
    "(p = {p:.2g}): some size leaves that is not on its way to a limit",
    "omega-not-seen": "not identified: every omega from {least:g} to {most:g} describes these curves",
    "omega-open-below": "not identified: at most {high:.2g}, and any smaller one down to {least:g} describes these "
    "curves as well, so that a limit is not shown",
    "omega-open-above": "not identified: at least {low:.2g}, and any larger one up to {most:g} describes these curves "
    "as well, as if the smallest size alone departed",
    "single-no-onset-interval": "no interval of the onset: one run a model size cannot be resampled",
    "single-no-omega": "no exponent omega of a correction to scaling: without seeds noise and correction are not told "
    "apart",
}
