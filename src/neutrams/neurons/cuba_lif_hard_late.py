"""The leaky neuron with a synaptic current (CUBA), which its potential takes a step late, and reset to a value."""

from neutrams.neurons import leaky
from neutrams.neurons.model import NeuronModel

MODEL = NeuronModel(
    name="cuba_lif_hard_late",
    mode="snn",
    equation=f"{leaky.AWAKE} V <- clamp({leaky.SCALED} + U + leak); {leaky.FIRE_HARD}; always {leaky.NEW_CURRENT}",
    source=leaky.LATE,
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
    step=leaky.current_fire(soft=False, late=True),
    kernel=leaky.current_fire_kernel(soft=False, late=True),
)
