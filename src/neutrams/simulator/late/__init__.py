"""Words that miss a fixed tick and are late or lost: the one engine in which values depend on timing; slow and plain.

Every core that reads a neuron has a copy of its register of its own, written when the word arrives. A word is *missed*
where it arrives after the end of the fixed tick in which it was sent (`neutrams.simulator.cycle.Beat.missed`). What is
read within the sender's own core, and input channels, are never missed.

``tick.late = "late"``: a missed word is there at the end of the next tick. So only axons that read the register as it
stood right after the tick in which the word was sent do not find it. They find, in its place,

* in ann mode the value of the step before; of the first step, what the register began with;
* in snn mode no spike. They find it in their next step, as one with a spike that is on time (of graded ones the latter
  counts). After their last step they never do.

``tick.late = "lost"``: a missed word never arrives. A value leaves the one before it standing, a spike nothing.

In ann mode every word is sent in every step, so the same words are missed each time: those that the steady state of the
pipeline misses. Samples begin with fresh registers here too, where in a stream the sample before would stand in them.
"""

from neutrams.simulator.late.engine import Late, may_miss

__all__ = ["Late", "may_miss"]
