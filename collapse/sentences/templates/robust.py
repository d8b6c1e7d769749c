"""Reasons of `--robust` and of pooled noise."""

TEMPLATES = {
    "robust-without-floor": "without spikes and far runs there is no irreducible loss: {why}",
    "robust-without-a-sound-ladder": "there is no verdict to hold against spikes and single runs, because {why}",
    "influence-needs-three-seeds": "to leave a run out takes three seeds of its model size",
    "exploratory-noise-pooled": "exploratory: the upper bound rests on noise pooled over model sizes and neighbouring "
    "x, with {df} degrees of freedom, which takes it to be equal at all sizes; a test does not reject that "
    "(p = {p:.2g}), and with few seeds it has little power: where noise is twice as large at one end of the ladder the "
    "bound covers .92 in place of .95",
    "exploratory-noise-pooled-unequal": "exploratory: the upper bound rests on noise pooled over model sizes and "
    "neighbouring x, with {df} degrees of freedom; equal noise is rejected (p = {p:.2g}), so noisier sizes are taken "
    "at a level of their own",
}
