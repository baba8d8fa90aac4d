"""The leaky neuron with a synaptic current (CUBA), which its potential takes a step late, and reset by subtraction."""

from neutrams.neurons import leaky
from neutrams.neurons.model import NeuronModel

MODEL = NeuronModel(
    name="cuba_lif_soft_late",
    mode="snn",
    equation=f"{leaky.AWAKE} V <- clamp({leaky.SCALED} + U + leak); {leaky.FIRE_SOFT}; always {leaky.NEW_CURRENT}",
    source=leaky.LATE,
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
    step=leaky.current_fire(soft=True, late=True),
    kernel=leaky.current_fire_kernel(soft=True, late=True),
)
