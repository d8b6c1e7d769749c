"""Finite-size scaling of tables of an observable at several system sizes."""
