"""The references of the methods a run used."""

from collections.abc import Iterable

from neutrams.base.errors import SpecError
from neutrams.neurons import find_model

TOOLSET = "Ji et al. (2016), NEUTRAMS, MICRO 2016. doi:10.1109/MICRO.2016.7783724"

METHODS = {
    "adaround": "Nagel et al. (2020), Up or down? Adaptive rounding. arXiv:2004.10568",
    "bias_correction": "Nagel et al. (2019), Data-free quantization. arXiv:1906.04721",
    "brecq": "Li et al. (2021), BRECQ. arXiv:2102.05426",
    "error_feedback": "Frantar et al. (2022), GPTQ. arXiv:2210.17323",
    "gptq": "Frantar et al. (2022), GPTQ. arXiv:2210.17323",
    "rate_code": "Rueckauer et al. (2017), Conversion of deep networks. doi:10.3389/fnins.2017.00682",
    "straight_through": "Bengio et al. (2013), Stochastic neurons. arXiv:1308.3432",
    "threshold_balancing": "Diehl et al. (2015), Weight and threshold balancing. doi:10.1109/IJCNN.2015.7280696",
}
"""Reference of a method by the word that names it."""


def cite(model: str, methods: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the references of a run, each once: the toolset, the neuron model, then the methods in order.

    Args:
        model: Name of the program's neuron model.
        methods: Names out of `METHODS`, or references as they stand (they hold ``doi`` or ``arXiv``); others are left
            out.
    """
    found = [TOOLSET]
    try:
        found.append(find_model(model, "report").source)
    except SpecError:
        pass
    for method in methods:
        if "doi" in method or "arXiv" in method:
            found.append(method)
        else:
            found += [
                text for word, text in METHODS.items() if word in method.lower().replace(" ", "_").replace("-", "_")
            ]
    return tuple(dict.fromkeys(found))
