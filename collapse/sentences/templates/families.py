"""Reasons of the comparison of families and data sets."""

TEMPLATES = {
    "cell-not-trained": "the {kind} {name} is left out: it was not trained in every combination",
    "other-setting-compared": "{family} on {dataset}: setting {setting} is left out, {compared} is compared",
    "cell-not-rescaled": "{family} on {dataset} is left out: {why}",
    "not-on-the-others-grid": "its curves cannot be rescaled to the grid of the others",
    "differs-from": "it lies more than {margin:percent} from {families:list}",
    "pair-undecided": "whether it lies within {margin:percent} of {families:list} is undecided",
    "margin-inside-interval": "the margin of {margin:percent} lies within the interval",
    "no-single-cause": "no single parameter of the fitted form explains it",
    "form-does-not-describe": "the fitted form does not describe it",
    "seeds-do-not-tell-cause": "the seeds do not tell which parameter of the fitted form explains it",
    "main-cause": "it is mostly explained by {cause}, {own:.2g} where the others have {others:.2g}",
    "fewer-families": "the nested models need {needed} families, got {families}",
    "noise-not-known": "there are too few seeds to know the noise: {df} degrees of freedom",
    "models-need-a-floor": "the nested models need an irreducible loss that is known",
    "noise-leaves-too-much": "the noise of the seeds alone leaves {upper:percent} open, more than the margin",
    "rival-forms-predict-as-well": "{model} holds, but other forms predict as well: {rivals:list}",
    "smaller-model-suffices": "it predicts families that were left out as well as M3 does, and leaves at most "
    "{upper:percent} of a curve unexplained",
    "no-smaller-model": "no smaller model predicts families that were left out as well and stays within the margin",
    "data-sets-not-shown": "data sets are not shown to decide the curve (p = {p:.2g}), so no family is asked about",
    "no-family-shown": "no family is shown to deviate",
    "families-deviate": "{deviating} of {families} families deviate; for {placed} of them it can be said where",
    "no-family-on-two-data-sets": "no family was trained on two data sets",
    "two-families-on-two-data-sets": "it needs two families, each on the same two data sets",
    "one-size-in-a-cell": "it needs two model sizes of every family on every data set",
}
