"""Transformation: a float network into one that obeys a chip's limits."""
