"""Reasons of ladders: what is wrong with a group's curves, and what a reader must know of them."""

TEMPLATES = {
    "no-curve-to-fit": "there is no curve to fit",
    "exactness-needs-three-seeds": "an exactness test needs three seeds of each model size",
    "envelope-needs-seeds": "an envelope needs two model sizes of three seeds",
    "seeds-do-not-differ": "the seeds do not differ",
    "fewer-than-two-seeds": "there are fewer than two seeds",
    "starts-too-late": "{size}, seed {seed}, starts after another run ends",
    "devices-differ": "trained on {devices:and}, whose curves differ beyond seed noise at {sizes:together}",
    "devices-not-compared": "trained on {devices:and}, which were not compared: train {seeds} seeds of one model "
    "size on each (`--device`), or the whole ladder on one",
    "no-size-with-two-curves": "no model size has two complete curves",
    "curves-start-too-late": "the curves have no common x before {end:g}: the last one starts at {start:g}",
    "no-common-x": "the curves have no common x",
    "end-point-scale-needs-floor": "the end-point scale needs the irreducible loss",
    "floor-not-below": "the irreducible loss {floor:g} is not below the loss of {size}, seed {seed}, at x = {x:g}",
    "curve-does-not-improve": "{size}, seed {seed}, does not improve between x = {x:g} and its end",
    "equals-another": "seed {seed} of {size} equals seed {first_seed} of {first_size}",
    "all-but-equals-another": "seed {seed} of {size} all but equals seed {first_seed} of {first_size}",
    "values-out-of-range": "losses beyond {low:g} to {high:g} cannot be squared: give them in another unit",
    "rises": "{noun} rises with training, and collapse is asked of what falls to a floor: {instead}",
    "some-rise": "{noun} rises in some runs and falls in others, so its curves have no common shape",
    "ask-for-itself": "ask for {name} itself",
    "ask-for-error": "ask for the error, 1 - accuracy (--of error)",
    "ask-for-complement": "if it is a share, ask for 1 - {noun} (--scale complement)",
    "ask-for-falling": "give one that falls",
    "no-run-ended": "none of {runs} runs reached its training length ({how:list})",
    "no-value-at-the-end": "none of {runs} runs has a value of {noun} at its training length ({how:list})",
    "ended-as": "{status}",
    "goes-beyond-the-end": "its x goes beyond 1",
    "cut-short": "cut short",
    "cut-short-or-not-measured": "cut short, or not measured there",
    "fewer-sizes-with-seeds": "fewer than 3 model sizes have 2 seeds: {sizes} have, and {alone} more have one",
    "fewer-sizes": "there are fewer than 3 model sizes: {sizes}",
    "copied-runs": "runs are copied: {copies:some}",
    "little-overlap": "the model sizes overlap on {share:percent} of the range of x only",
    "too-few-evaluations": "{size}, seed {seed}, has {evaluations:n evaluation} from x = {x:.2g} on: the rest would "
    "be interpolated",
    "few-evaluations": "{size}, seed {seed}, has only {evaluations:n evaluation} from x = {x:.2g} on; between them "
    "it is interpolated",
    "points-too-rare": "curves have {evaluations:n evaluation} on the range that is compared, at x of their own; "
    "between them they are known to {error:percent} only, too little for a test of equal curves",
    "warmup-seen": "the learning rate rises over {shortest:percent} to {longest:percent} of the training lengths; "
    "curves are compared from x = {x:.2g}, and after ten warmups from x = {start:.2g}: --x-min {start:g}",
    "no-noise": "there is no noise: the seeds of a model size do not differ, so there is nothing to compare a "
    "deviation with",
    "no-noise-at-sizes": "there is no noise: the seeds of {sizes:together} do not differ, so there is nothing to "
    "compare a deviation with",
    "no-noise-at-an-x": "there is no noise: at some x no two seeds of any model size differ",
    "size-left-out": "{size} is left out: it has one complete seed, {seed}",
    "runs-left-out": "{runs:n run} left out: the training length was not reached",
    "sizes-lost": "no run of {sizes:together} reached its training length",
    "seed-twice": "a seed of {size} is given twice",
    "shapes-untested": "shapes are untested: {why}",
    "seeds-as-repeats": "the seeds differ by {level:.1g} only, as one run does that is repeated: are they seeds?",
    "quiet-sizes": "the seeds of {sizes:together} differ a hundred times less than others: are they seeds?",
    "wild-seed": "seed {seed} of {size} is far from the other seeds of that size",
}
