"""The engine: sample by sample and tick by tick, each tick's words through cores and network before the next tick."""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.base.errors import SpecError
from neutrams.hardware.clock import fixed_tick_s
from neutrams.program import Program
from neutrams.simulator.cycle import Beat, Clockwork, run_steady
from neutrams.simulator.inputs import encode_channels
from neutrams.simulator.late.sample import LateSample, Wiring
from neutrams.simulator.memory import Memory
from neutrams.simulator.moment import Look, Moment
from neutrams.simulator.schedule import Schedule
from neutrams.simulator.tally import Tally, counts_every_word, merge


def may_miss(program: Program) -> bool:
    """Whether the chip has a fixed tick, and words that miss it are late or lost."""
    return program.chip.tick.late != "wait" and fixed_tick_s(program.chip, program.mode) > 0


class Late:
    """A program made ready to run with words that are late or lost."""

    def __init__(self, program: Program, clock: Schedule, clockwork: Clockwork, memory: Memory | None = None) -> None:
        """Find out which words are missed where that is the same in every step.

        Raises:
            SpecError: Neurons of ann mode send no zeros, so that traffic depends on values of several samples at once;
                or sequences are to go on, and what was missed before is not known.
        """
        if memory is not None:
            raise SpecError(
                f"tick.late is {program.chip.tick.late!r}, and sequences come in pieces",
                where="simulate, level cycle",
                fix="set tick.late=wait, or give whole sequences",
            )
        if program.mode == "ann" and not counts_every_word(program):
            raise SpecError(
                f"tick.late is {program.chip.tick.late!r}, but signal.skip_zero lets words depend on values (ann mode)",
                where="simulate, level cycle",
                fix="set tick.late=wait, or signal.skip_zero=false",
            )
        self._wiring = Wiring(program, clock)
        self._always = np.zeros(len(self._wiring.key), dtype=np.bool_)
        if program.mode == "ann":
            run_steady(program, clockwork, self._keep)

    def _keep(self, tick: int, beat: Beat) -> None:
        self._always |= self._wiring.missed(beat)

    def run(self, inputs: Mapping[str, AnyArray], part: slice) -> Tally:
        """Run some samples of ``inputs``, whose missed words are known, each from t = 0."""
        none = np.zeros(0, dtype=np.int64)
        return merge([self.watch(inputs, sample, _nobody, none) for sample in range(part.start, part.stop)])

    def watch(self, inputs: Mapping[str, AnyArray], sample: int, look: Look, watched: IntArray) -> Tally:
        """Run one sample; show ``look``, which says what is missed, each tick with the potentials of ``watched``."""
        q = encode_channels(self._wiring.program, inputs, slice(sample, sample + 1))[..., 0]
        return LateSample(self._wiring, q, self._always, watched).run(look)


def _nobody(moment: Moment) -> None:
    """Look at nothing."""
