"""Reasons of two result sets beside each other: why groups do not meet, why a change cannot be tested."""

TEMPLATES = {
    "set-no-counterpart": "the other set has no such group",
    "set-several-settings": "the other set has {n:n group} of this family and data set, under other settings",
    "set-other-protocol": "this group is of protocol {mine}, that of the other set of protocol {other}",
    "set-other-data": "the other set's data are others: {what}",
    "set-no-common-size": "the sets share no model size",
    "set-needs-three-seeds": "a test of a change needs three seeds of each size in both sets, got {seeds}",
    "set-runs-equal": "the runs are the same, number for number",
    "set-runs-without-noise": "runs of different seeds are equal, so there is no noise to hold a change against",
    "set-not-rescaled": "the curves of one set could not be rescaled",
}
