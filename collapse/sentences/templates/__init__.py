"""Templates of the reasons, a file for each room that gives them."""
