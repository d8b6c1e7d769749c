"""Numbers that every answer shares: levels of tests and intervals, the margin, and where curves are compared."""

from __future__ import annotations

ALPHA = 0.05  # a test rejects below it
COVERAGE = 0.95  # of an interval, a band and a one-sided bound
LOWER, UPPER = 0.025, 0.975  # where a two-sided interval ends
NORMAL = 1.959964  # quantile of a normal variable at `UPPER`
MARGIN = 0.03  # largest deviation in ln l that still counts as a collapse, where nothing else was planned

X_MIN = 0.1  # curves are compared from here on, a fraction of the horizon
WARMUPS = 10  # and after so many lengths of the warmup
LATEST = 0.9  # a comparison that would start later has too little of the curves
