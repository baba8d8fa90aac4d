"""Fast batched execution of a network on PyTorch, float and integer."""

from neutrams.evaluate.classes import answers, classes, gives_spikes
from neutrams.evaluate.run import float_values, run, stream_values
from neutrams.evaluate.signals import accumulate, count, encode_signal, fire
from neutrams.evaluate.spike_trains import SpikeAgreement, spike_agreement

__all__ = [
    "SpikeAgreement",
    "accumulate",
    "answers",
    "classes",
    "count",
    "encode_signal",
    "fire",
    "float_values",
    "gives_spikes",
    "run",
    "spike_agreement",
    "stream_values",
]
