"""The leaky integrate-and-fire neuron with decay by a fraction, a refractory period and reset to a value.

It is Loihi's neuron without synaptic current, which fires where V > theta: give theta + 1.
"""

from neutrams.neurons import leaky
from neutrams.neurons.model import NeuronModel

MODEL = NeuronModel(
    name="lif_hard",
    mode="snn",
    equation=f"{leaky.AWAKE} V <- clamp({leaky.SCALED} + acc 2^e + leak); {leaky.FIRE_HARD}",
    source=leaky.LOIHI,
    parameters=(leaky.LEAK, leaky.THRESHOLD, leaky.INITIAL, leaky.DECAY, leaky.REFRACTORY, leaky.EXPONENT, leaky.RESET),
    states=leaky.STATES,
    relay=leaky.RELAY,
    step=leaky.leaky_fire(leaky.scaled, soft=False),
    kernel=leaky.leaky_fire_kernel(shifts=False, soft=False),
)
