"""What the curves of a sweep say while it runs."""
