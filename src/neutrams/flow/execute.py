"""Run a compiled model: the simulator for the chip, then the host operators that follow it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, IntArray
from neutrams.base.errors import SpecError
from neutrams.evaluate import SpikeAgreement, answers, gives_spikes, spike_agreement
from neutrams.evaluate import run as evaluate
from neutrams.flow.arrays import check_labels, samples_of
from neutrams.flow.compile import Compiled
from neutrams.flow.magnitudes import check_input_magnitudes
from neutrams.network import Network
from neutrams.reference import finish, prepare
from neutrams.simulator import Observer, Run, simulate
from neutrams.simulator.observe import observing, watched_neurons
from neutrams.transform.pipeline import check_inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """A finished run with its host part.

    Attributes:
        run: What the simulator gave.
        outputs: float64 ``[N, ...]`` by the model's own output names, after host operators.
        accuracy: Fraction of samples whose class is the label; None without labels.
        agreement: Fraction of samples given the class the float network gives; None where it was not asked for.
        float_accuracy: Accuracy of the float network on the same samples; None without labels.
        spikes: How far the spikes of a spiking network's first output are those of the float network; None of others.
    """

    run: Run
    outputs: Mapping[str, FloatArray]
    accuracy: float | None
    agreement: float | None
    float_accuracy: float | None
    spikes: SpikeAgreement | None = None


def run_compiled(
    compiled: Compiled,
    inputs: Mapping[str, AnyArray],
    labels: AnyArray | None = None,
    *,
    level: str = "tick",
    limit: int | None = None,
    raster: bool = False,
    progress: Callable[[int, int], None] | None = None,
    observe: Path | None = None,
    watch: str = "",
) -> Evaluated:
    """Simulate ``compiled`` on ``inputs`` and compare with the float network it came from.

    Args:
        compiled: The model.
        inputs: Each input ``[N, *shape]`` by name.
        labels: Class ids ``[N]``.
        level: ``functional``, ``tick`` or ``cycle``.
        limit: Take only the first ``limit`` samples.
        raster: Keep the spike raster of the first sample (snn mode).
        progress: Called with (samples done, samples in all).
        observe: A folder for Parquet files of what the run shows (`neutrams.simulator.observe`).
        watch: Neurons whose potentials they hold (`neutrams.simulator.observe.watched_neurons`).

    Raises:
        InputError: Inputs or labels do not fit, or the folder cannot be written.
        SpecError: Neurons are to be watched, and there is no folder.
    """
    inputs = {name: np.asarray(array) for name, array in inputs.items()}
    labels = None if labels is None else np.asarray(labels)
    check_labels(labels, samples_of(inputs))
    check_input_magnitudes(inputs, "simulate")
    check_inputs(compiled.source, inputs, "simulate")
    if limit is not None and limit > 0:
        inputs = {name: array[:limit] for name, array in inputs.items()}
    wanted = {port.name for port in compiled.program.inputs}
    ports = {name: array for name, array in prepare(compiled.network, inputs).items() if name in wanted}
    with _observer(compiled, observe, level, watch) as observer:
        run = simulate(
            compiled.program, ports, level=level, limit=limit, raster=raster, progress=progress, observer=observer
        )
    outputs = finish(compiled.network, run.outputs)
    samples = run.activity.samples
    exact = evaluate(compiled.source, {name: a[:samples] for name, a in inputs.items()})
    expected, got = answers(compiled.source, exact), answers(compiled.source, outputs)
    first = compiled.source.outputs[0].name
    return Evaluated(
        run=run,
        outputs=outputs,
        accuracy=_accuracy(got, labels),
        agreement=float((got == expected).mean()),
        float_accuracy=_accuracy(expected, labels),
        spikes=spike_agreement(outputs[first], exact[first]) if gives_spikes(compiled.source) else None,
    )


def _observer(
    compiled: Compiled, folder: Path | None, level: str, watch: str
) -> AbstractContextManager[Observer | None]:
    if folder is not None:
        neurons = watched_neurons(compiled.program, watch, _read_by_outputs(compiled))
        return observing(compiled.program, folder, level, neurons)
    if watch:
        raise SpecError(
            f"watching {watch!r} needs a folder to write to", where="simulate, watch", fix="give observe=FOLDER too"
        )
    return nullcontext()


def _read_by_outputs(compiled: Compiled) -> dict[str, IntArray]:
    """Return the neurons that each of the model's outputs comes from, by its name."""
    ports = {port.name: port.neuron for port in compiled.program.outputs}
    by_name, found = compiled.network.by_name, {}
    for output in compiled.network.outputs:
        before, ask = {output.name}, [output.name]
        while ask:
            new = set(by_name[ask.pop()].inputs) - before
            before |= new
            ask += sorted(new - ports.keys())
        neurons = [ports[name] for name in sorted(before & ports.keys())]
        found[output.name] = np.concatenate([np.zeros(0, dtype=np.int64), *neurons])
    return found


def float_classes(network: Network, inputs: Mapping[str, AnyArray]) -> AnyArray:
    """Return the class ``[N]`` that the float network gives each sample by its first output."""
    return answers(network, evaluate(network, inputs))


def _accuracy(classes: AnyArray, labels: AnyArray | None) -> float | None:
    return None if labels is None else float((classes == labels[: len(classes)]).mean())
