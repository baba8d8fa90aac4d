"""The leaky integrate-and-fire neuron with decay by a shift, a refractory period and reset to a value."""

from neutrams.neurons import leaky
from neutrams.neurons.model import NeuronModel

MODEL = NeuronModel(
    name="lif_shift_hard",
    mode="snn",
    equation=f"{leaky.AWAKE} V <- clamp({leaky.SHIFTED} + acc 2^e + leak); {leaky.FIRE_HARD}",
    source=leaky.SPIKER,
    parameters=(leaky.LEAK, leaky.THRESHOLD, leaky.INITIAL, leaky.SHIFT, leaky.REFRACTORY, leaky.EXPONENT, leaky.RESET),
    states=leaky.STATES,
    relay=leaky.RELAY,
    step=leaky.leaky_fire(leaky.shifted, soft=False),
    kernel=leaky.leaky_fire_kernel(shifts=True, soft=False),
)
