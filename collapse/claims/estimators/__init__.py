"""One file an estimator: what makes one number, with an interval, of a family's runs."""
