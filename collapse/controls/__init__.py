"""Controls beside a verdict: unrelated curves, shuffled sizes, wrong horizons, other data sets, trained negatives."""
