"""Do these curves collapse? Rescaling, calibrated tests, deviations, figures. Imports neither torch nor ray."""
