"""How tests lower a network: for TIANJI, approximators fitted to the values that given inputs make."""

from collections.abc import Mapping

from neutrams.base.arrays import AnyArray, FloatArray
from neutrams.evaluate import float_values
from neutrams.hardware import load_chip
from neutrams.network import Network
from neutrams.transform.lower import Lowered, Values, lower_functions
from neutrams.transform.tuning.steps import merged

TIANJI = load_chip("tianji")


def values_on(inputs: Mapping[str, AnyArray]) -> Values:
    """Return what gives every tensor of a network on ``inputs``."""

    def values(network: Network) -> dict[str, FloatArray]:
        steps, tensors = network.loop_steps, float_values(network, inputs)
        return {name: (merged(x) if name in steps else x).numpy() for name, x in tensors.items()}

    return values


def lowered(network: Network, inputs: Mapping[str, AnyArray]) -> Lowered:
    """Return ``network`` lowered for TIANJI."""
    return lower_functions(network, TIANJI, values_on(inputs))


def _no_values(network: Network) -> dict[str, FloatArray]:
    raise AssertionError("nothing in this network needs an approximator")


def lowered_exactly(network: Network) -> Network:
    """Return a network lowered that has exact constructions for all it holds."""
    return lower_functions(network, TIANJI, _no_values).network
