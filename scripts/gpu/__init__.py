"""The parts of the check of a machine with a GPU; `onecurve.scripts.gpu.check` runs them."""
