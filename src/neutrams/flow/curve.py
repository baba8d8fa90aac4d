"""Accuracy against T: a network of rates compiled for several numbers of steps, and stopped early."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import SpecError
from neutrams.evaluate import answers
from neutrams.evaluate import run as evaluate
from neutrams.flow.arrays import check_labels, samples_of
from neutrams.flow.compile import Compiled, compile_model
from neutrams.flow.execute import float_classes
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.transform.early import stopped_early
from neutrams.transform.options import TransformOptions
from neutrams.transform.pipeline import check_inputs

READS = ("counts", "potentials")


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """Accuracy after some steps.

    Attributes:
        steps: T.
        read: ``counts`` of output spikes, or ``potentials`` of output neurons.
        compiled_for: Steps that the network was compiled for: T, or more where it is stopped early.
        accuracy: Fraction of samples classified as the labels say.
    """

    steps: int
    read: str
    compiled_for: int
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Accuracy against T.

    Attributes:
        points: By read-out, then steps; those compiled for their T first.
        float_accuracy: Of the float network.
        samples: How many samples all accuracies are over.
        last: What was compiled for the most steps, read as the chip gives it.
    """

    points: tuple[CurvePoint, ...]
    float_accuracy: float
    samples: int
    last: Compiled


def accuracy_curve(
    network: Network,
    chip: Chip,
    calibration: Mapping[str, AnyArray],
    test: tuple[Mapping[str, AnyArray], AnyArray],
    steps: Sequence[int],
    options: TransformOptions,
    progress: Callable[[str, int, int], None] | None = None,
) -> Curve:
    """Compile ``network`` in snn mode for each of ``steps``, and measure it reading spikes and reading potentials.

    Accuracies are those of the exact integers that the simulator gives. Both read-outs are measured on any chip: what
    the other one would give is worth knowing.

    Args:
        network: A float network.
        chip: The chip.
        calibration: As for `compile_model`.
        test: Inputs by name and class ids ``[N]``.
        steps: Numbers of steps.
        options: Of the transformation; their mode is snn.
        progress: Called with (what comes next, done, in all).

    Raises:
        SpecError: There are no steps to measure, or some twice.
        NeutramsError: As `compile_model`.
    """
    inputs, labels = test
    check_inputs(network, inputs, "test inputs")
    check_labels(labels, samples_of(inputs))
    if not steps or len(set(steps)) < len(steps):
        raise SpecError(f"steps are {list(steps)}", where="option steps", fix="name each number of steps once")
    points: list[CurvePoint] = []
    compiled: dict[str, Compiled] = {}
    ordered = sorted(steps)

    for k, read in enumerate(READS):
        target = chip.with_values(signal={"read_potential": read == "potentials"})
        for i, count in enumerate(ordered):
            if progress is not None:
                progress(f"T = {count}, reading {read}", k * len(ordered) + i, 2 * len(ordered))
            compiled[read] = compile_model(network, target, calibration, replace(options, steps=count))
            points.append(_point(compiled[read], read, count, test))
        if not any(isinstance(node, ops.Encode) and node.code == "spread" for node in compiled[read].network.nodes):
            points += [_point(compiled[read], read, count, test) for count in ordered[:-1]]
    return Curve(
        points=tuple(points), float_accuracy=float((float_classes(network, inputs) == labels).mean()),
        samples=len(labels), last=compiled[READS[int(chip.signal.read_potential)]],
    )  # fmt: skip


def _point(made: Compiled, read: str, after: int, test: tuple[Mapping[str, AnyArray], AnyArray]) -> CurvePoint:
    inputs, labels = test
    network = made.network if after == made.program.steps else stopped_early(made.network, after)
    right = answers(made.source, evaluate(network, inputs, made.program.chip)) == labels
    return CurvePoint(steps=after, read=read, compiled_for=made.program.steps, accuracy=float(right.mean()))
