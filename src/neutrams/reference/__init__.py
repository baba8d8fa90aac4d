"""The slow, obvious interpreter of a network: the oracle of all tests."""

from neutrams.reference.interpreter import finish, prepare, run

__all__ = ["finish", "prepare", "run"]
