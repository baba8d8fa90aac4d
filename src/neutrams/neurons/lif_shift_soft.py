"""The leaky integrate-and-fire neuron with decay by a shift, a refractory period and reset by subtraction."""

from neutrams.neurons import leaky
from neutrams.neurons.model import NeuronModel

MODEL = NeuronModel(
    name="lif_shift_soft",
    mode="snn",
    equation=f"{leaky.AWAKE} V <- clamp({leaky.SHIFTED} + acc 2^e + leak); {leaky.FIRE_SOFT}",
    source=leaky.SPIKER,
    parameters=(leaky.LEAK, leaky.THRESHOLD, leaky.INITIAL, leaky.SHIFT, leaky.REFRACTORY, leaky.EXPONENT),
    states=leaky.STATES,
    relay=leaky.RELAY,
    step=leaky.leaky_fire(leaky.shifted, soft=True),
    kernel=leaky.leaky_fire_kernel(shifts=True, soft=True),
)
