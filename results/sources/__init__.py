"""Readers of what the field's tools write: one file a source, each with ``recognises`` and ``read``."""
