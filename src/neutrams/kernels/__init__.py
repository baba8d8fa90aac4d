"""Loops over plain arrays, compiled by numba; they know nothing of neutrams."""
