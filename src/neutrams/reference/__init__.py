"""The slow, obvious interpreter of a network: the oracle of all tests."""

from neutrams.reference.interpreter import run

__all__ = ["run"]
