"""From learning curves to one grid: which runs a group has, whether they can be used, and how they are rescaled."""
