"""What a NIR file leaves open: the length of a step, and what frameworks do differently; presets bear their names."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import isfinite

from neutrams.base.errors import SpecError
from neutrams.neurons.dynamics.model import CURRENTS, METHODS, RESETS, dynamics_models

CHOICES = {
    "reset": RESETS, "current": CURRENTS, "method": METHODS, "integrators": ("dt", "step"), "initial": ("zero", "leak"),
    "feedback": ("spikes", "currents"), "read": ("spikes", "count"),
}  # fmt: skip
MOST_STEPS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NirOptions:
    """How a NIR graph, which is in continuous time, runs in steps. Neither metadata nor file names are a guide to it.

    Attributes:
        steps: T, the length of the input [steps].
        dt: Length of a step [s].
        reset: ``zero``: a spike sets the potential to v_reset; ``subtract``: it takes v_threshold off.
        strict: Whether neurons fire above their threshold only, or also at it.
        many: Whether they give floor(v / v_threshold) spikes in a step, or at most one.
        current: Whether CubaLI and CubaLIF update the current ``first``, or ``last`` (the potential reads the old one).
        method: ``euler``, ``exponential`` or ``impulse``; `neutrams.neurons.dynamics.steps` has the formulas.
        integrators: Whether I and IF add r x ``dt``, or r x in each ``step``.
        initial: The first potential of leaky neurons: ``zero``, or v_leak (``leak``).
        feedback: What an edge that closes a cycle delays by a step. ``spikes``: the output of neurons, so a bias on the
            way acts in the first step too. ``currents``: the edge itself, which gives 0 in the first step.
        delayed: Edges (from, to) to delay by a step, sub-graph nodes as ``graph.node``. Cycles that they leave are
            broken at the edges back, seen from the inputs.
        ignored: Parameters not read: 1 is taken for r and w_in, 0 for others. ``LIF.r`` is that of LIF only.
        bounded: Models whose potential does not fall below -v_threshold.
        refractory: Rest after a spike [s], rounded to steps; NIR has no parameter for it.
        read: ``spikes``: outputs have all steps ``[T, ...]``; ``count``: their sum over the steps.
    """

    steps: int = 100
    dt: float = 1e-4
    reset: str = "zero"
    strict: bool = True
    many: bool = False
    current: str = "last"
    method: str = "euler"
    integrators: str = "dt"
    initial: str = "zero"
    feedback: str = "spikes"
    delayed: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()
    bounded: tuple[str, ...] = ()
    refractory: float = 0.0
    read: str = "spikes"

    def __post_init__(self) -> None:
        for key, allowed in CHOICES.items():
            if getattr(self, key) not in allowed:
                raise _wrong(key, getattr(self, key), f"take one of {', '.join(allowed)}")
        if type(self.steps) is not int or not 1 <= self.steps <= MOST_STEPS:
            raise _wrong("steps", self.steps, f"give a whole number from 1 to {MOST_STEPS:,}")
        if not (isinstance(self.dt, int | float) and isfinite(self.dt) and self.dt > 0):
            raise _wrong("dt", self.dt, "give a positive number of seconds")
        if not (isinstance(self.refractory, int | float) and isfinite(self.refractory) and self.refractory >= 0):
            raise _wrong("refractory", self.refractory, "give a number of seconds, 0 for none")
        for key in ("strict", "many"):
            if not isinstance(getattr(self, key), bool):
                raise _wrong(key, getattr(self, key), "give True or False")
        _check_edges(self.delayed)
        models = dynamics_models()
        named = {name for model in models.values() for name in model.parameters}
        own = {f"{model.name}.{name}" for model in models.values() for name in model.parameters}
        _check_names("ignored", self.ignored, named | own, "parameters of NIR's neurons, such as r or LIF.v_reset")
        fire = {model.name for model in models.values() if "v_min" in model.optional}
        _check_names("bounded", self.bounded, fire, f"models of {', '.join(sorted(fire))}")


def _check_edges(edges: object) -> None:
    """Refuse what is not pairs of names."""
    wrong = [edges] if isinstance(edges, str) or not isinstance(edges, Collection) else [
        edge for edge in edges
        if isinstance(edge, str) or not isinstance(edge, Sequence) or len(edge) != 2
        or not all(isinstance(name, str) and name for name in edge)
    ]  # fmt: skip
    if wrong:
        raise _wrong("delayed", wrong[0], "give edges, each by the two names from>to")


def _check_names(key: str, given: object, known: set[str], meant: str) -> None:
    """Refuse names that mean nothing: they would change nothing without a word."""
    names = [given] if isinstance(given, str) or not isinstance(given, Collection) else list(given)
    unknown = [name for name in names if name not in known]
    if isinstance(given, str) or unknown:
        raise _wrong(key, unknown[0] if unknown else given, f"give names of {meant}")


PRESETS: dict[str, NirOptions] = {
    "nir": NirOptions(),
    "snntorch": NirOptions(current="first", ignored=("v_reset",)),
    "norse": NirOptions(
        dt=1e-3, current="first", integrators="step", initial="leak", feedback="currents",
        ignored=("IF.r", "LI.r", "LIF.r", "v_reset"),
    ),
    "sinabs": NirOptions(
        dt=1.0, reset="subtract", strict=False, many=True, current="first", method="impulse", integrators="step",
        feedback="currents", ignored=("r",), bounded=("IF",),
    ),
    "spikingjelly": NirOptions(strict=False, feedback="currents"),
    "lava": NirOptions(current="first", integrators="step", ignored=("IF.r", "v_reset")),
    "rockpool": NirOptions(
        dt=1e-3, reset="subtract", strict=False, many=True, current="first", method="impulse", ignored=("r", "w_in"),
    ),
}  # fmt: skip
"""What a framework computes for a graph it reads, as far as `NirOptions` can say it (the rest: docs/reference/nir.md).

nir: the equations of Pedersen et al. (2024) in forward Euler, all states at once, as NIR's own
paper/03_rnn/extras/debug_CubaLIF/nir_reference_impl.py (github.com/neuromorphs/NIR at 7232ada).
snntorch: import_nir.py, _neurons/leaky.py, synaptic.py, rsynaptic.py (github.com/jeshraghian/snntorch at 634fc22).
norse: utils/import_nir.py, functional/lif_box.py, leaky_integrator_box.py, iaf.py (github.com/norse/norse at 065a3b4);
nirtorch 2.6, nir_interpreter.py, for feedback.
sinabs: nir.py, layers/functional/lif.py, activation/spike_generation.py (github.com/synsense/sinabs at 904eb89); time
constants count steps.
spikingjelly: nir_exchange/from_nir.py, neuron/lif.py, surrogate.py (github.com/fangwei123456/spikingjelly at afb1322).
lava: NIR's docs/source/examples/lava/nir_to_lava.py; slayer/neuron/cuba.py and dynamics/leaky_integrator.py
(github.com/lava-nc/lava-dl at d825ac5).
rockpool: nn/modules/torch/nir.py and lif_torch.py (github.com/synsense/rockpool at 42cee1c).
"""


def nir_options(preset: str = "nir", **changes: object) -> NirOptions:
    """Return the options of a preset with ``changes``.

    Raises:
        SpecError: There is no such preset or option, or a value is not allowed.
    """
    if preset not in PRESETS:
        raise _wrong("preset", preset, f"take one of {', '.join(PRESETS)}")
    known = [f.name for f in fields(NirOptions)]
    unknown = sorted(changes.keys() - set(known))
    if unknown:
        raise _wrong(unknown[0], changes[unknown[0]], f"there is no such option, take one of {', '.join(known)}")
    return replace(PRESETS[preset], **changes)  # type: ignore[arg-type]


def parsed_options(texts: Mapping[str, str]) -> dict[str, object]:
    """Return options given as text: ``true`` or ``false``, numbers, lists with commas, edges as ``from>to``.

    Raises:
        SpecError: There is no such option, or the text is not of its kind.
    """
    known = {f.name: f.default for f in fields(NirOptions)}
    found: dict[str, object] = {}
    for key, text in texts.items():
        default = known.get(key, "")
        try:
            found[key] = _parsed(text, default, key)
        except ValueError:
            raise _wrong(key, text, f"give it as {type(default).__name__}, such as {default!r}") from None
    return found


def _parsed(text: str, default: object, key: str) -> object:
    if isinstance(default, bool):
        if text not in ("true", "false"):
            raise ValueError
        return text == "true"
    if isinstance(default, int | float):
        return type(default)(text)
    if isinstance(default, tuple):
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return tuple(tuple(map(str.strip, part.split(">"))) if key == "delayed" else part for part in parts)
    return text


def _wrong(key: str, value: object, fix: str) -> SpecError:
    return SpecError(f"{key} is {value!r}", where="NIR import", fix=fix)
