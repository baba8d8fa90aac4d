"""Fast batched execution of a network on PyTorch, float and integer."""

from neutrams.evaluate.classes import classes
from neutrams.evaluate.run import float_values, run, stream_values
from neutrams.evaluate.signals import accumulate, count, encode_signal, fire

__all__ = ["accumulate", "classes", "count", "encode_signal", "fire", "float_values", "run", "stream_values"]
