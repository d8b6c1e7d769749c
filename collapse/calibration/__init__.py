"""Simulated ladders whose answer is known: size, power and coverage of the tests."""
