"""What an error in one tensor costs at the outputs, all else being as it was: ablation on calibration data."""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
import torch

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.evaluate import answers, float_values
from neutrams.evaluate.run import read_outside, stream_values
from neutrams.network import Network, ops
from neutrams.transform.cost import macs_of
from neutrams.transform.ledger import Effect
from neutrams.transform.tuning.steps import parted

MOST_SAMPLES = 1024
"""Most samples on which the cost of a layer is measured."""

LOOP_SAMPLES = 32
"""Most samples on which the effect of an error in a loop is measured."""

AT_ONCE = 64
"""Errors in loops whose effects are measured together."""

LIMIT_SAMPLES = 256
"""Most samples on which the cost of one limit in one unit is measured: there are many more of these."""

MOST_VALUES = 1 << 27
"""Most values held for it."""

MOST_MACS = 1e11
"""About how many multiply-accumulates all measurements of a network may take."""


class Ablation:
    """The original network on some calibration samples, ready to be continued from any tensor."""

    def __init__(self, source: Network, inputs: Mapping[str, AnyArray], labels: AnyArray | None) -> None:
        n = len(next(iter(inputs.values())))
        self.steps = source.loop_steps
        held = sum(prod(shape) * self.steps.get(name, 1) for name, shape in source.shapes.items())
        measured = 2 * sum(isinstance(node, ops.Linear | ops.Conv | ops.Add) for node in source.nodes) + 1
        work = measured * (sum(macs_of(source).values()) + held)
        most = LOOP_SAMPLES if self.steps else MOST_SAMPLES
        self.samples = int(max(1, min(n, most, MOST_VALUES // held, MOST_MACS // work)))
        self._source = source
        self._inputs = {name: array[: self.samples] for name, array in inputs.items()}
        self._labels = None if labels is None else labels[: self.samples]
        self._values = float_values(source, self._inputs)
        self._output = source.outputs[0].name
        self._outputs = [node.name for node in source.outputs]
        self._wanted = self._classes(self._values[self._output])

    def effect(self, name: str, value: torch.Tensor, most: int = MOST_SAMPLES) -> Effect:
        """Return what it costs that tensor ``name`` has ``value``, as `rows` of it lie; ``most`` samples count.

        In a loop the error is there at every step, and states carry it on.
        """
        return self._compared(self._continued(name, value, most)[self._output])

    def errors_of_samples(self, errors: Sequence[tuple[str, torch.Tensor]]) -> list[float]:
        """Return for each of several tensors with errors which share of an answer a sample loses by it, at most.

        Root mean square over samples, none counted as more than all: a quiet one counts as much as a loud one.
        """
        inside = [(name, value) for name, value in errors if name in self.steps]
        outputs = dict(zip((name for name, _ in inside), self._outputs_in_loops(inside), strict=True))
        return [
            self._lost(outputs[name] if name in outputs else self._continued(name, value, MOST_SAMPLES))
            for name, value in errors
        ]

    def _lost(self, outputs: Mapping[str, torch.Tensor]) -> float:
        lost = []
        for name, now in outputs.items():
            was = self._values[name][: len(now)]
            error, size = (x.float().square().reshape(len(x), -1).mean(1) for x in (now - was, was))
            lost.append(float((error / size.clamp(min=1e-30)).clamp(max=1.0).mean().sqrt()))
        return max(lost)

    def _continued(self, name: str, value: torch.Tensor, most: int) -> dict[str, torch.Tensor]:
        n = min(self.samples, most)
        changed = self._changed_by(name)
        given = {key: x[:, :n] if key in self.steps else x[:n] for key, x in self._values.items() if key not in changed}
        rows = value[: n * self.steps.get(name, 1)]
        given[name] = parted(rows, self.steps[name]) if name in self.steps else rows
        inputs = {key: array[:n] for key, array in self._inputs.items()}
        values = float_values(self._source, inputs, given)
        return {output: values[output] for output in self._outputs}

    def _compared(self, now: torch.Tensor) -> Effect:
        n = len(now)
        was, chosen = self._values[self._output][:n], self._classes(now)
        labels = self._labels
        return Effect(
            output_error=relative(now.float() - was.float(), was.float()),
            agreement=float((chosen == self._wanted[:n]).mean()),
            accuracy=None if labels is None else float((chosen == np.asarray(labels[:n])).mean()),
        )

    def _classes(self, output: torch.Tensor) -> IntArray:
        return answers(self._source, {self._output: output.numpy()})

    def effects(self, errors: Sequence[tuple[str, torch.Tensor]]) -> list[Effect]:
        """Return what each of several tensors with errors costs, as `effect` does, in a loop: all in one go.

        A step of a loop takes about as long for many samples as for few.
        """
        return [self._compared(now[self._output]) for now in self._outputs_in_loops(errors)]

    def _outputs_in_loops(self, errors: Sequence[tuple[str, torch.Tensor]]) -> list[dict[str, torch.Tensor]]:
        found: list[dict[str, torch.Tensor]] = []
        n = self.samples
        for start in range(0, len(errors), AT_ONCE):
            some = errors[start : start + AT_ONCE]
            patches: dict[str, list[tuple[slice, torch.Tensor]]] = {}
            for k, (name, value) in enumerate(some):
                patch = parted(value[: n * self.steps[name]], self.steps[name])
                patches.setdefault(name, []).append((slice(k * n, (k + 1) * n), patch))
            inputs = {key: np.concatenate([array[:n]] * len(some)) for key, array in self._inputs.items()}
            stream = stream_values(self._source, inputs, only=read_outside(self._source), patches=patches)
            now = {node.name: value for node, value in stream if node.name in self._outputs}
            found += [{key: x[k * n : (k + 1) * n] for key, x in now.items()} for k in range(len(some))]
        return found

    def rows(self, name: str, most: int = MOST_SAMPLES) -> int:
        """Return how many rows of tensor ``name`` count: samples, in a loop times steps."""
        return min(self.samples, most) * self.steps.get(name, 1)

    def _changed_by(self, name: str) -> set[str]:
        """Return the names of the tensors that depend on tensor ``name``, through states too; itself included."""
        changed, found = {name}, 0
        while found < len(changed):
            found = len(changed)
            for node in self._source.nodes:
                if changed.intersection(node.inputs):
                    changed.update([node.name, *([node.state] if isinstance(node, ops.Update) else [])])
        return changed


def relative(error: torch.Tensor, target: torch.Tensor) -> float:
    """Return the root mean square of ``error`` over that of ``target``; 0 where both are nothing."""
    size = float(target.square().mean().sqrt())
    return float(error.square().mean().sqrt()) / size if size > 0 else 0.0
