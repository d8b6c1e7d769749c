"""The verbs of the command line, one file each, named by the verb.

A verb that Python keeps for itself (``import``, ``try``) or that would hide a builtin (``list``) has an underscore.
"""
