"""One file a truth: a system of which a claim is exactly true, or exactly false, as runs that an estimator can read."""
