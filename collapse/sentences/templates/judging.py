"""Reasons of verdicts, and of how strong the evidence can be."""

TEMPLATES = {
    "ok": "ok",
    "nothing-to-test": "there is nothing to test",
    "exactness-untested-without-floor": "{why}, so exact collapse is untested",
    "exactness-untested-shapes-bound": "{why}, so exact collapse is untested; the shapes are bounded by "
    "{upper:percent}",
    "exactness-untested-shapes": "{why}, so exact collapse is untested; the shapes have p = {p:.2g} and are bounded "
    "by {upper:percent}",
    "resolution-unknown": "the ladder's resolution is not known: {why}",
    "no-information": "no information: unrelated curves under this learning-rate schedule agree within "
    "{margin:percent} too, at all but {share:percent} of the values of x",
    "selection": "{runs:n run} did not reach the training length: what is left is a selection",
    "unresolved": "unresolved: {why}",
    "unresolved-power-law": "unresolved: the curves are power laws over all that is compared, and these collapse "
    "whatever the training lengths",
    "unresolved-without-schedule": "unresolved: the learning-rate schedule is not known, and under one that fits an "
    "exponent of the training length that is 20 % off would move these model sizes by only {limit:percent}, which the "
    "bound of {upper:percent} does not exclude; give the rate in a column lr, or the schedule by --schedule",
    "unresolved-by-horizon": "unresolved: an exponent of the training length that is 20 % off would move these model "
    "sizes by only {limit:percent}, which the bound of {upper:percent} does not exclude",
    "unresolved-by-trained": "unresolved: the errors that were trained into this ladder moved its model sizes by "
    "only {limit:percent}, which the bound of {upper:percent} does not exclude",
    "negative-missed": "the ladder trained wrongly on purpose ({setting}) was not detected",
    "negative-missed-with-power": "the ladder trained wrongly on purpose ({setting}) was not detected (planned power "
    "{power:.2g})",
    "exactness-untested-for": "exactness is untested: {why}",
    "exactness-untested": "exactness is untested: a test needs three seeds of each model size",
    "test-level-not-held": "what is subtracted was fitted to the same curves, and a test does not hold its level then",
    "size-undecided": "a deviation is real (p = {p:.2g}), its size is undecided: between {low:percent} and "
    "{high:percent}",
    "shared-error-reaches-margin": "the deviation lies below {high:percent}, and the error of the irreducible loss, "
    "which all curves share, leaves {common:percent} open by itself: more seeds do not help against it, a larger test "
    "set would",
    "at-the-margin": "the deviation seen is at the margin of {margin:percent}, which more seeds cannot certify",
    "underpowered": "underpowered: the deviation lies between {low:percent} and {high:percent}; {more:n more seed} "
    "would certify {margin:percent}",
    "underpowered-below": "underpowered: the deviation lies below {high:percent}; {more:n more seed} would certify "
    "{margin:percent}",
    "beyond-seeds": "underpowered: the deviation is bounded by {high:percent} only, and no number of seeds that anyone "
    "trains would bring that below {margin:percent}",
    "margin-changed": "the margin was changed after the data, from {planned:g} to {margin:g}",
    "exploratory-floor-unknown": "exploratory: the irreducible loss is not known",
    "exploratory-floor-given": "exploratory: the irreducible loss was given by hand, the data set does not know it",
    "exploratory-floor-fitted": "exploratory: the irreducible loss was fitted: a test that plugs it in rejects 17 to "
    "27 % of true collapses, not 5 %",
    "exploratory-floor-profiled": "exploratory: the irreducible loss was profiled: every claim reads 'there is an "
    "irreducible loss such that'",
    "exploratory-rate-unknown": "exploratory: the learning rate was not shown to be the best one",
    "exploratory-rate-mis-scaled": "exploratory: the best learning rate moves with model size",
    "exploratory-horizons-assumed": "exploratory: the training lengths were assumed, not taken from a pilot or a "
    "formula",
    "exploratory-examples-repeated": "exploratory: each example was seen {times:.3g} times, not once",
    "exploratory-pool-small": "exploratory: the longest run uses {share:.2g} of the pool, more than an eighth: noise "
    "shrinks with size",
    "exploratory-batch-norm": "exploratory: the network has batch norm, and is evaluated with running statistics, "
    "which lag behind its weights",
    "exploratory-margin-changed": "exploratory: the margin was changed after the data, from {planned:g} to {margin:g}",
}
