"""Pilots: what a sweep leaves to be found before it, what is trained to find it, and the sweep with the answers."""
