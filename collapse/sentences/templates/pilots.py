"""Reasons of pilots: why there is no compute-optimal training length, and what would give one."""

TEMPLATES = {
    "pilot-too-few-sizes": "a pilot needs {least} model sizes, this ladder has {sizes}: give more rungs",
    "pilot-span": "the largest model size has {span:.2g} times the parameters of the smallest; an exponent needs "
    "{least:.0f} times: give larger rungs",
    "pilot-lost": "{lost:n trunk} of {rung} did not end well: lower the learning rate, or read the reason in the table",
    "pilot-one-seed": "a pilot needs two seeds a model size, {rung} has one",
    "pilot-not-crossed": "the larger size does not become the better use of compute for {pairs:list}: {why}. Give "
    "`longest` more updates, or a learning rate at which larger sizes train as well",
    "pilot-exponent-holds-0": "the exponent of the training length lies between {low:.2f} and {high:.2f}, so that it "
    "is not known to grow with size at all: give more seeds or a wider ladder",
    "sensitivity-needs-a-floor": "the irreducible loss is not known",
    "sensitivity-trunks-short": "{sizes} trunks are long enough, and {least} are needed",
    "rate-at-edge": "the best rate of {rung} lies at the end of the scan, {rate:.3g}: give `around` another rate",
    "rate-all-lost": "at every rate some run of {rung} did not end well: give `around` a smaller rate",
    "trunks-do-not-meet": "their trunks share less than a factor of two of compute",
    "crossing-not-reached": "within these trunks one of them is better all along",
    "crossing-at-the-end": "they come close only where the trunks end",
    "crossing-not-clear": "they cross in some resamples of the seeds, and in others not",
}
