"""Reasons of the planner: what a design rests on and why a goal cannot be reached."""

TEMPLATES = {
    "detectable-needs-three-sizes": "it needs three model sizes, got {sizes}",
    "no-noise-to-plan-with": "the seeds do not differ, so that there is no noise to plan with",
    "not-by-seeds": "no number of seeds reaches this power",
    "too-many-to-simulate": "it needs about {seeds:.2g} seeds of each model size, which were not simulated",
    "more-seeds-than": "it needs more than {seeds} seeds of each model size",
    "horizon-needs-form": "the effect of a wrong horizon needs the form of the curve: {why}",
    "horizon-not-in-shapes": "a wrong horizon does not show in shapes; it needs a known irreducible loss",
    "no-pilot": "there is no pilot: a constant learning rate, exponents of 1/2 and a correlation of {correlation:g} "
    "between neighbouring points are assumed",
    "form-not-fitted": "no form of the curve could be fitted: {why}",
}
