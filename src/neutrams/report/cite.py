"""The references of the methods a run used."""

from collections.abc import Iterable
from contextlib import suppress

from neutrams.base.errors import SpecError
from neutrams.neurons import find_model

TOOLSET = "Ji et al. (2016), NEUTRAMS, MICRO 2016. doi:10.1109/MICRO.2016.7783724"

METHODS = {
    "fan_in": ("Ji et al. (2018), full expansion of wide layers. arXiv:1801.00746",),
    "weight_bits": (
        "Frantar et al. (2022), GPTQ, algorithm 1. arXiv:2210.17323",
        "Nagel et al. (2019), bias correction, eq. 17. arXiv:1906.04721",
    ),
    "spikes": ("Rueckauer et al. (2017), rate-coded networks. doi:10.3389/fnins.2017.00682",),
}
"""What answers each limit of the loss ledger."""


def cite(model: str, methods: Iterable[str] = (), definitions: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the references of a run, each once: the toolset, the neuron model, then the methods in order.

    Args:
        model: Name of the program's neuron model.
        methods: Limits of the loss ledger (keys of `METHODS`), or references as they stand (they hold ``doi`` or
            ``arXiv``); others are left out.
        definitions: Neuron models that the chip defines.
    """
    found = [TOOLSET]
    with suppress(SpecError):
        found.append(find_model(model, "report", definitions).source)
    for method in methods:
        found += (method,) if "doi" in method or "arXiv" in method else METHODS.get(method, ())
    return tuple(dict.fromkeys(found))
