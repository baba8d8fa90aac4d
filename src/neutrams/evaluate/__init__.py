"""Fast batched execution of a network on PyTorch, float and integer."""

from neutrams.evaluate.classes import classes
from neutrams.evaluate.run import float_values, run
from neutrams.evaluate.signals import accumulate, count, fire

__all__ = ["accumulate", "classes", "count", "fire", "float_values", "run"]
