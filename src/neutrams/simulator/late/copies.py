"""Copies of registers in the cores that read them, as words that arrive, late or never, write them."""

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray


class Copies:
    """A copy for each pair of a neuron and another core that reads it, by step of the neuron.

    Attributes:
        fresh: int64 ``[depth, pairs]``, what axons find that look right after the tick in which the word was sent.
        settled: int64 ``[depth, pairs]``, what axons find that look later. Step k stands in row k mod depth.
    """

    def __init__(self, depth: int, initial: IntArray, spikes: bool, lost: bool) -> None:
        """Begin with what the registers begin with.

        Args:
            depth: How many steps are kept.
            initial: int64 ``[pairs]``.
            spikes: Whether words are spikes, graded or not, rather than values that stand.
            lost: Whether what is missed never arrives.
        """
        self.fresh, self.settled = np.zeros((2, depth, len(initial)), dtype=np.int64)
        self._stands, self._waiting = initial.copy(), np.zeros_like(initial)
        self._spikes, self._lost = spikes, lost

    def write(self, step: int, pairs: IntArray, values: IntArray, missed: AnyArray) -> None:
        """Write what the neurons of some pairs gave in their ``step``, and bool ``[pairs]`` which words were missed."""
        there = np.where(missed, 0 if self._spikes else self._stands[pairs], values)
        settled = there if self._lost else values
        slot = step % len(self.fresh)
        self.fresh[slot, pairs] = np.where(there == 0, self._waiting[pairs], there) if self._spikes else there
        self.settled[slot, pairs] = self._stands[pairs] = settled
        if self._spikes and not self._lost:
            self._waiting[pairs] = np.where(missed, values, 0)
