"""Put trained neural networks on neuromorphic and in-memory chips: transform, map, simulate, report.

>>> import neutrams as nt
>>> chip = nt.load_chip("tianji")

Everything heavy is imported by the functions themselves, on first use.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from neutrams.base.arrays import AnyArray
    from neutrams.flow import Compiled
    from neutrams.hardware import Chip
    from neutrams.network import Network
    from neutrams.report.result import Simulation

__all__ = ["compile", "from_torch", "load", "load_chip", "simulate"]


def load(path: str | Path, input_shapes: Mapping[str, Sequence[int]] | None = None, **options: object) -> "Network":
    """Read a model file (ONNX or NIR).

    Args:
        path: The file.
        input_shapes: Of an ONNX file, inputs whose axes it leaves open: all sizes by name, batch first.
        **options: Of a NIR file, what it leaves open: a ``preset`` named after a framework, ``steps``, ``dt`` and other
            fields of `neutrams.importers.nir.NirOptions`.

    Raises:
        SpecError: There is no such option, or it cannot have that value.
        InputError: The file is missing, or holds values that are not finite.
        FormatError: It is damaged.
        UnsupportedError: It holds operators that are not supported; the message lists all of them.
    """
    from neutrams.importers import load as read

    return read(path, input_shapes, **options)


def from_torch(module: "torch.nn.Module", example: "torch.Tensor | tuple[torch.Tensor, ...]") -> "Network":
    """Read a PyTorch module by tracing it on ``example``, batch axis first.

    Raises:
        UnsupportedError: It holds operators that are not supported; the message lists all of them.
    """
    from neutrams.importers.torch import from_torch as trace

    return trace(module, example)


def load_chip(name_or_path: str | Path, overrides: Mapping[str, object] | None = None) -> "Chip":
    """Read a chip: a preset's name or the path of a chip file; ``overrides`` replace keys, as text or numbers.

    Raises:
        SpecError: There is no such chip, or a value is outside its range.
    """
    from neutrams.hardware import load_chip as read

    return read(name_or_path, {key: str(value) for key, value in (overrides or {}).items()})


def compile(  # noqa: A001 (the field's word)
    network: "Network",
    chip: "Chip | str | Path",
    calibration: "AnyArray | Mapping[str, AnyArray]",
    mode: str = "ann",
    steps: int | None = None,
    **options: Any,
) -> "Compiled":
    """Transform and map a network for a chip.

    Args:
        network: A float network.
        chip: The target; a name or path is read by :func:`load_chip`.
        calibration: Inputs like those in use ``[N, *shape]``, by input name; an array alone serves a single input.
        mode: ``ann`` or ``snn``.
        steps: T, the time window; by default 1 in ann mode, 64 in snn mode. Networks of spiking neurons have their own.
        **options: Further fields of `neutrams.flow.CompileOptions`: ``effort``, ``seed``, ``copies``, ``labels``,
            ``partial_sums``, ``balance``; ``multiplex`` and ``pins`` as of `neutrams.mapping.map_network`;
            ``refine_rounds``: how often to place again with what the cycle simulator finds.

    Raises:
        NeutramsError: The network, the chip or the data do not suit each other; says what to do.
    """
    import numpy as np

    from neutrams.flow import CompileOptions, compile_model, default_steps

    window = default_steps(mode, network) if steps is None else steps
    if options.get("labels") is not None:
        options["labels"] = np.asarray(options["labels"])
    multiplex, rounds = str(options.pop("multiplex", "auto")), int(options.pop("refine_rounds", 0))
    pins = options.pop("pins", None)
    made = CompileOptions(mode=mode, steps=window, **options)
    target = load_chip(chip) if isinstance(chip, str | Path) else chip
    given = _named(calibration, network)
    return compile_model(network, target, given, made, multiplex=multiplex, refine_rounds=rounds, pins=pins)


def simulate(
    program: "Compiled",
    inputs: "AnyArray | Mapping[str, AnyArray]",
    level: str = "tick",
    labels: "AnyArray | None" = None,
    *,
    observe: str | Path | None = None,
    watch: str = "",
    **options: Any,
) -> "Simulation":
    """Run a compiled network.

    Args:
        program: What :func:`compile` gave.
        inputs: Samples ``[N, *shape]``, by input name; an array alone serves a single input.
        level: ``functional`` (values only), ``tick`` (also time, energy and area) or ``cycle`` (the same, with cores
            and network simulated cycle by cycle).
        labels: int64 ``[N]``, class ids.
        observe: A folder for Parquet files of what the run shows, tick by tick (docs/reference/observation.md).
        watch: Neurons whose potentials they hold, such as ``0,5,12-20`` or the name of an output.
        **options: Further arguments of `neutrams.flow.run_compiled`: ``limit``, ``raster``, ``progress``.

    Returns:
        Outputs, ``energy_j``, ``latency_s``, and ``report(path)``.

    Raises:
        NeutramsError: The inputs do not suit the program.
    """
    from neutrams.flow import run_compiled
    from neutrams.report.result import Simulation

    options.setdefault("raster", True)  # a page of snn mode shows it
    if observe is not None:
        options["observe"] = Path(observe)
    evaluated = run_compiled(
        program, _named(inputs, program.source), labels=labels, level=level, watch=watch, **options
    )
    return Simulation(compiled=program, evaluated=evaluated)


def _named(arrays: "AnyArray | Mapping[str, AnyArray]", network: "Network") -> "dict[str, AnyArray]":
    import numpy as np

    from neutrams.flow import named_inputs

    given = arrays if isinstance(arrays, Mapping) else {"x": arrays}
    given = {name: np.asarray(array) for name, array in given.items()}
    return named_inputs(given, network.inputs)


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("neutrams")
    raise AttributeError(f"module 'neutrams' has no attribute {name!r}")
