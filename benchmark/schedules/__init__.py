"""Learning-rate schedules: how the rate of an update follows from the horizon."""
