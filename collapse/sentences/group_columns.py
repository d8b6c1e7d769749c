"""What the columns of a table of groups mean (`contract.to_table`), in words."""

from __future__ import annotations

from collections.abc import Mapping

MEANINGS: Mapping[str, str] = {
    "family": "architecture family",
    "dataset": "data set",
    "recipe": "hash of the setting that the model sizes share",
    "recipe_label": "the setting in words",
    "leg": "decayed or constant learning rate",
    "control": "holds or fails for curves whose answer is known, else null",
    "n_rungs": "model sizes",
    "n_seeds": "seeds of the model size that has fewest",
    "n_censored": "runs that ended early and are left out",
    "x_min": "where the comparison starts, a fraction of the training length",
    "x_max": "where it ends",
    "overlap": "share of that range on which every model size has data",
    "p_exact": "p-value of one common curve, the irreducible loss subtracted",
    "p_trend": "p-value of the test directed at a trend with model size",
    "p_shape": "p-value of one common shape, which needs no irreducible loss",
    "deviation": "largest deviation of a model size from the mean of all, in ln l: .01 is about 1 %",
    "lower_bound": "its lower 95 % bound",
    "upper_bound": "its upper 95 % bound",
    "margin": "largest deviation that still counts as a collapse",
    "single": "whether there is one run a size, which is described and not tested",
    "noise_from": "where the noise level is from",
    "noise_floor": "noise over seeds, in ln l",
    "noise_bound": "upper bound that the seeds' noise alone would leave",
    "unrelated_deviation": "deviation of curves that share nothing but the schedule",
    "verdict": "collapse, approximate, no-collapse or cannot-tell",
    "conditional": "whether the verdict holds for an irreducible loss that these curves chose",
    "evidence": "confirmatory or exploratory",
    "reason": "why there is no other verdict, or what it rests on",
    "sentence": "the verdict in a sentence",
    "rescaling": "end-point, or shape where no irreducible loss is subtracted",
    "L0": "the irreducible loss that was subtracted",
    "L0_source": "known, given, profile, fit or none",
    "resolution": "deviation that a training length whose exponent is 20 % off would cause",
    "warnings": "what to know of the numbers",
    "observable": "what the curves are of",
    "scale": "as it is, or one less it",
}
