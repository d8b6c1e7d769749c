"""Pilots: trunks at a constant learning rate, and the compute-optimal training length that they give."""
