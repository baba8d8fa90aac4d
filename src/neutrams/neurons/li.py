"""The leaky integrator with decay by a fraction: its potential is its output."""

from neutrams.neurons import leaky
from neutrams.neurons.model import POTENTIAL, NeuronModel

MODEL = NeuronModel(
    name="li",
    mode="snn",
    equation=f"V <- clamp({leaky.SCALED} + acc 2^e + leak); y = V",
    source=leaky.LOIHI,
    parameters=(leaky.LEAK, leaky.INITIAL, leaky.DECAY, leaky.EXPONENT),
    states=(POTENTIAL,),
    output="V",
    step=leaky.leaky_sum(leaky.scaled),
    kernel=leaky.leaky_sum_kernel(shifts=False),
)
