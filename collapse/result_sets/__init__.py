"""Two result sets of one protocol beside each other: which groups meet, what changed, and who stands where."""
