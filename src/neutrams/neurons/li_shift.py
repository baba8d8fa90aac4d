"""The leaky integrator with decay by a shift: its potential is its output."""

from neutrams.neurons import leaky
from neutrams.neurons.model import POTENTIAL, NeuronModel

MODEL = NeuronModel(
    name="li_shift",
    mode="snn",
    equation=f"V <- clamp({leaky.SHIFTED} + acc 2^e + leak); y = V",
    source=leaky.SPIKER,
    parameters=(leaky.LEAK, leaky.INITIAL, leaky.SHIFT, leaky.EXPONENT),
    states=(POTENTIAL,),
    output="V",
    step=leaky.leaky_sum(leaky.shifted),
    kernel=leaky.leaky_sum_kernel(shifts=True),
)
