"""The leaky neuron with a synaptic current (CUBA), updated before the potential, and reset to a value.

It is Loihi's neuron, but for details: Loihi fires where V > theta (give theta + 1), its current wraps around where ours
is clamped and decays by one unit more (give c + 1), and its potential is clamped to ±(2^23 - 1).
"""

from neutrams.neurons import leaky
from neutrams.neurons.model import NeuronModel

MODEL = NeuronModel(
    name="cuba_lif_hard",
    mode="snn",
    equation=f"{leaky.NEW_CURRENT}; {leaky.AWAKE} V <- clamp({leaky.SCALED} + U + leak); {leaky.FIRE_HARD}",
    source=leaky.LOIHI,
    parameters=(
        leaky.LEAK,
        leaky.THRESHOLD,
        leaky.INITIAL,
        leaky.CURRENT_DECAY,
        leaky.DECAY,
        leaky.REFRACTORY,
        leaky.EXPONENT,
        leaky.RESET,
    ),
    states=leaky.CURRENT_STATES,
    relay=leaky.RELAY | {"current_decay": 1},
    step=leaky.current_fire(soft=False, late=False),
    kernel=leaky.current_fire_kernel(soft=False, late=False),
)
