"""Errors, array checks and files: what every other part leans on."""
