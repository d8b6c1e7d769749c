"""Representations of trained networks beside each other, from the Gram matrices that their trials keep."""
