"""The irreducible loss: where it comes from, fits of it, and whether two estimates of it agree."""
