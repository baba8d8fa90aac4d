"""The integrate-and-fire neuron with a constant leak and reset by subtraction."""

from neutrams.neurons.integrate_fire import PARAMETERS, RELAY, SPIKE_RULE, integrate_fire
from neutrams.neurons.model import NeuronModel

MODEL = NeuronModel(
    name="if_soft",
    mode="snn",
    equation=f"{SPIKE_RULE}; then V <- V - theta",
    source="Rueckauer et al. (2017), section 2.1, reset by subtraction. doi 10.3389/fnins.2017.00682",
    parameters=PARAMETERS,
    reset="subtract",
    relay=RELAY,
    step=integrate_fire(lambda v, theta: v - theta),
)
