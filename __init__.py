"""Onecurve: do networks of different sizes, architectures and data sets learn along one curve?

This module re-exports nothing, so that ``import onecurve.collapse`` never loads torch.
"""
