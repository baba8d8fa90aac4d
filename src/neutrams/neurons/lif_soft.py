"""The leaky integrate-and-fire neuron with decay by a fraction, a refractory period and reset by subtraction."""

from neutrams.neurons import leaky
from neutrams.neurons.model import NeuronModel

MODEL = NeuronModel(
    name="lif_soft",
    mode="snn",
    equation=f"{leaky.AWAKE} V <- clamp({leaky.SCALED} + acc 2^e + leak); {leaky.FIRE_SOFT}",
    source=leaky.LOIHI,
    parameters=(leaky.LEAK, leaky.THRESHOLD, leaky.INITIAL, leaky.DECAY, leaky.REFRACTORY, leaky.EXPONENT),
    states=leaky.STATES,
    relay=leaky.RELAY,
    step=leaky.leaky_fire(leaky.scaled, soft=True),
    kernel=leaky.leaky_fire_kernel(shifts=False, soft=True),
)
