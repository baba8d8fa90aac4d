"""What a pass is: a pure function from network to network with checked preconditions and guarantees."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from neutrams.network import Network

P = ParamSpec("P")
Fact = Callable[[Network], str | None]
"""A check of a network: None where the fact holds, else the name of the node that breaks it and how."""


def network_pass(
    requires: tuple[Fact, ...] = (), ensures: tuple[Fact, ...] = ()
) -> Callable[[Callable[Concatenate[Network, P], Network]], Callable[Concatenate[Network, P], Network]]:
    """Check the facts ``requires`` before a pass and ``ensures`` after it. A broken one is a bug of ours."""

    def decorate(function: Callable[Concatenate[Network, P], Network]) -> Callable[Concatenate[Network, P], Network]:
        @wraps(function)
        def checked(network: Network, /, *args: P.args, **kwargs: P.kwargs) -> Network:
            _check(network, requires, f"before {function.__name__}")
            result = function(network, *args, **kwargs)
            _check(result, ensures, f"after {function.__name__}")
            return result

        return checked

    return decorate


def _check(network: Network, facts: tuple[Fact, ...], when: str) -> None:
    for fact in facts:
        broken = fact(network)
        assert broken is None, f"{fact.__name__} does not hold {when}: {broken}"
