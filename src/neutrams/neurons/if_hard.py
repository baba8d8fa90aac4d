"""The integrate-and-fire neuron with a constant leak and reset to zero.

It is TIANJI's neuron: its leak L is added every tick, whatever the potential, V <- V + W X + L.
"""

from neutrams.neurons.integrate_fire import PARAMETERS, RELAY, SPIKE_RULE, integrate_fire
from neutrams.neurons.model import NeuronModel

MODEL = NeuronModel(
    name="if_hard",
    mode="snn",
    equation=f"{SPIKE_RULE}; then V = 0",
    source="TIANJI: Shi et al., IEDM 2015; the rule as in Ji et al., MICRO 2016, released code",
    parameters=PARAMETERS,
    reset="zero",
    relay=RELAY,
    step=integrate_fire(lambda v, theta: 0 * v),
)
