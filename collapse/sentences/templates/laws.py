"""Reasons of laws: forms, exponents, forecasts and rescalings."""

TEMPLATES = {
    "schedules-no-common-size": "no model size was trained under both schedules for the same number of updates",
    "schedules-need-noise": "the gradient's noise was not recorded under {schedule} for {rung}: train with "
    "`record: [gradient-noise]`",
    "schedules-one-seed": "an interval needs two seeds, {rung} has one",
    "schedules-apart": "the sums of the learning rates of {rung} share too little of {source} and {target}: take the "
    "schedule with the larger sum as the source",
    "fit-did-not-converge": "the fit did not converge",
    "time-exponent-at-the-edge": "the time exponent lies at the edge of its range",
    "time-share-at-the-edge": "the share of time lies at the edge of its range",
    "forms-need-three-sizes": "a comparison of forms needs three model sizes, got {sizes}",
    "law-needs-schedule": "the learning-rate schedule is not known",
    "coincides-with": "it coincides with {form}",
    "form-not-identified": "the form is not identified: these predict as well with no more parameters: {rivals:list}",
    "parameters-at-edge": "at the edge of their range: {edge:list}",
    "parameters-not-identified": "not identified: {unknown:list}",
    "parameters-at-edge-and-not-identified": "at the edge of their range: {edge:list}; not identified: {unknown:list}",
    "exponent-needs-a-floor": "the irreducible loss is not known",
    "exponents-need-three-sizes": "exponents need three model sizes, got {sizes}",
    "size-as-proxy": "the model size stands for the compute, which was not given",
    "time-law-at-edge": "the parameters of the time law lie at the edge of their range",
    "gain-fitted-beside-mu": "an annealing gain was fitted beside mu",
    "end-slope-needs-constant-rate": "the learning rate decays, so that the end slope is the annealing gain, not delta",
    "too-few-late-points": "there are too few points above x = {x:g}",
    "not-finite": "it is not finite in some resample",
    "forecast-needs-a-floor": "the irreducible loss is not known",
    "forecast-needs-five-sizes": "a forecast needs five model sizes, of which two are left out and three are fitted, "
    "got {sizes}",
    "too-few-early-points": "there are fewer than three points before x = {x:g}",
    "rescaling-needs-a-floor": "the irreducible loss is not known, and the last losses give none",
    "one-schedule-for-all": "it coincides with {form}, because all model sizes have one schedule",
    "ranking-needs-four-sizes": "a ranking of rescalings needs four model sizes, got {sizes}",
    "floor-not-below-losses": "the irreducible loss is not below every loss",
    "size-does-not-improve": "the curve of one model size does not improve",
    "too-little-in-common": "the model sizes have too little in common on this axis",
    "no-rescaling-predicts": "no rescaling predicts a model size that it did not see",
}
