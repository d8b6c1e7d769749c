"""From a sweep to learning curves: trials, packs, training, the runner. One file imports ray."""
