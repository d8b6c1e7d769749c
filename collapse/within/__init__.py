"""The tests within a family: exact collapse, bounds on the deviation, and where a size leaves the common curve."""
