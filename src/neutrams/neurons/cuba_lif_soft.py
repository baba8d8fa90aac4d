"""The leaky neuron with a synaptic current (CUBA), updated before the potential, and reset by subtraction."""

from neutrams.neurons import leaky
from neutrams.neurons.model import NeuronModel

MODEL = NeuronModel(
    name="cuba_lif_soft",
    mode="snn",
    equation=f"{leaky.NEW_CURRENT}; {leaky.AWAKE} V <- clamp({leaky.SCALED} + U + leak); {leaky.FIRE_SOFT}",
    source=leaky.LOIHI,
    parameters=(
        leaky.LEAK,
        leaky.THRESHOLD,
        leaky.INITIAL,
        leaky.CURRENT_DECAY,
        leaky.DECAY,
        leaky.REFRACTORY,
        leaky.EXPONENT,
    ),
    states=leaky.CURRENT_STATES,
    relay=leaky.RELAY | {"current_decay": 1},
    step=leaky.current_fire(soft=True, late=False),
    kernel=leaky.current_fire_kernel(soft=True, late=False),
)
