"""The universal forms that a normalised learning curve may have: one catalogue, one file a form."""
