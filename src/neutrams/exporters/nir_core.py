"""A constrained spiking network as one of float neurons with the integers of the chip: what NIR has a form for.

Integrate-and-fire neurons give the very spikes of the chip as long as no potential saturates. Leaky ones decay by the
same factor, but the chip rounds what is left to whole numbers; NIR has no rounding. Neurons that repeat spikes forget
all by that rounding: they become thresholds, which remember nothing. An input that a neuron reads on several axons has
one weight there, their sum.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.base.errors import UnsupportedError
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.neurons import find_model

MODELS = {
    "if_hard": "IF", "if_soft": "IF", "lif_hard": "LIF", "lif_soft": "LIF", "lif_shift_hard": "LIF",
    "lif_shift_soft": "LIF", "cuba_lif_hard": "CubaLIF", "cuba_lif_soft": "CubaLIF", "cuba_lif_hard_late": "CubaLIF",
    "cuba_lif_soft_late": "CubaLIF", "threshold": "Threshold",
}  # fmt: skip
"""Integer models, and the float model that each is."""

PICKING = (ops.Slice, ops.Gather, ops.Concat, ops.Constant)
"""What only says which elements of other vectors a vector has."""


@dataclass(frozen=True, slots=True)
class _Picked:
    """A vector of elements of other vectors: (tensor, element) of each, or no tensor and its value."""

    sources: tuple[str | None, ...]
    elements: IntArray


@dataclass
class _Twin:
    """The float network so far.

    Attributes:
        core: The core network.
        chip: Where decays come from.
        nodes: Nodes so far.
        names: Core tensor → what stands for it, where that has another name.
    """

    core: Network
    chip: Chip
    nodes: list[ops.Node] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def take(self, node: ops.Node) -> None:
        """Append what stands for ``node``."""
        match node:
            case ops.Encode():
                self._pass(node, exact=node.scale == 1 and node.zero == 0)
            case ops.Decode():
                n = len(node.element)
                same = np.array_equal(node.element, np.arange(n)) and (node.coefficient == 1).all()
                self._pass(node, exact=bool(same and (node.scale == 1).all() and not node.offset.any()))
            case ops.Linear() | ops.Conv() | ops.Add():
                pass  # its neurons write it
            case ops.Neuron():
                self._neurons(node)
            case ops.Reshape() if (found := self._undone(node)) is not None:
                self.names[node.name] = self._of((found,))[0]
            case ops.Constant():
                self.nodes.append(replace(node, values=node.values.astype(np.float64)))
            case _:
                self.nodes.append(replace(node, inputs=self._of(node.inputs)))

    def _of(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self.names.get(name, name) for name in names)

    def _pass(self, node: ops.Node, exact: bool) -> None:
        if not exact:
            raise _refusal(f"{node.op} {node.name!r}", "it is no spike for spike", "give spikes or counts, read spikes")
        self.names[node.name] = self._of(node.inputs)[0]

    def _undone(self, node: ops.Reshape) -> str | None:
        """Return what ``node`` gives again, where it takes back a reshape on the way to a decoder of vectors."""
        given = self.core.by_name[node.inputs[0]]
        while isinstance(given, ops.Decode):
            given = self.core.by_name[given.inputs[0]]
        same = isinstance(given, ops.Reshape) and self.core.shapes[given.inputs[0]] == node.shape
        return given.inputs[0] if same else None

    def _repeats(self, node: ops.Neuron) -> bool:
        """Whether neurons with a current give the spikes on that they read, in the same step.

        Their current of 1 is gone by the next step whatever its decay, since what is left of it is rounded to 0.
        """
        relay, summed = find_model(node.model, "NIR export").relay, self.core.by_name[node.inputs[0]]
        if MODELS[node.model] != "CubaLIF" or relay is None or not isinstance(summed, ops.Add):
            return False
        single = len(summed.inputs) == 1 and (summed.coefficients == 1).all() and not summed.bias.any()
        alike = all((values == relay.get(name, 0)).all() for name, values in node.parameters.items())
        return bool(single and alike and self._spikes(summed.inputs[0]))

    def _spikes(self, name: str) -> bool:
        """Whether the elements of a tensor are 0 or 1."""
        waiting, seen = [name], set[str]()
        while waiting:
            node = self.core.by_name[waiting.pop()]
            if node.name in seen or isinstance(node, ops.Neuron):
                continue
            seen.add(node.name)
            if isinstance(node, ops.State):
                waiting += [u.inputs[0] for u in self.core.nodes if isinstance(u, ops.Update) and u.state == node.name]
            if isinstance(node, ops.Constant):
                spikes = bool(np.isin(node.values, (0, 1)).all())
            elif isinstance(node, ops.Encode):
                spikes = node.low >= 0 and node.high <= 1
            else:
                spikes = isinstance(node, ops.State | ops.Reshape | ops.Slice | ops.Gather | ops.Concat)
            if not spikes:
                return False
            waiting += node.inputs if not isinstance(node, ops.Encode) else ()
        return True

    def _neurons(self, node: ops.Neuron) -> None:
        shape = self.core.shapes[node.name]
        if node.model not in MODELS or node.table.size or node.readout != "output":
            fix = f"take a model of {', '.join(sorted(MODELS))}, and read spikes"
            raise _refusal(f"neurons {node.name!r}", f"NIR has nothing like {node.model} that gives these", fix)
        model, parameters, bias = self._dynamics(node)
        current = self._current(self.core.by_name[node.inputs[0]], bias)
        wide = {
            name: np.array(np.broadcast_to(values.reshape(-1, *(1,) * (len(shape) - 1)), shape))
            for name, values in parameters.items()
        }
        soft, late = node.model.split("_late")[0].endswith("soft"), node.model.endswith("late")
        self.nodes.append(ops.Spiking(
            name=node.name, inputs=(current,), model=model, parameters=wide, dt=1.0, strict=False, method="impulse",
            reset="subtract" if soft else "zero", current="last" if late else "first",
        ))  # fmt: skip

    def _dynamics(self, node: ops.Neuron) -> tuple[str, dict[str, FloatArray], FloatArray]:
        """Return (float model, its parameters ``[C]``, what is added to its input)."""
        p = {name: values.astype(np.float64) for name, values in node.parameters.items()}
        one, gain = np.ones(len(node.scale)), 2.0 ** p.get("exponent", np.zeros(len(node.scale)))
        model, leak = MODELS[node.model], p["leak"]
        if model == "Threshold":
            return model, {"threshold": p["threshold"] - leak}, 0 * one
        if self._repeats(node):
            return "Threshold", {"threshold": 0.5 * one}, 0 * one
        found = {"v_threshold": p["threshold"], "v_reset": p.get("reset", 0 * one), "initial": p["initial"], "r": gain}
        if p.get("refractory", 0 * one).any():
            found["refractory"] = p["refractory"]
        if model == "IF":
            return model, found, leak
        kept = self._kept(node, p)
        if model == "LIF":
            return model, found | {"tau": -1 / np.log(kept), "v_leak": 0 * one}, leak / gain
        left = 1 - p["current_decay"] / 2.0**self.chip.neuron.decay_bits
        if (left <= 0).any() or ((kept == 1) & (leak != 0)).any():
            why = "a current that is gone at once, or a leak without decay, has no time constant"
            raise _refusal(f"neurons {node.name!r}", why, "take lif_soft or lif_hard")
        rest = np.where(leak != 0, leak / np.where(kept == 1, 1.0, 1 - kept), 0.0)
        found |= {"tau_mem": -1 / np.log(kept), "tau_syn": -1 / np.log(left), "v_leak": rest, "r": one}
        return model, found | {"w_in": gain / left}, 0 * one

    def _kept(self, node: ops.Neuron, p: Mapping[str, FloatArray]) -> FloatArray:
        """Return which share of a potential a step leaves, at most a hair below 1: NIR has time constants."""
        shifts = "decay_shift" in p
        kept = 1 - (0.5 ** p["decay_shift"] if shifts else p["decay"] / 2.0**self.chip.neuron.decay_bits)
        if (kept <= 0).any():
            raise _refusal(f"neurons {node.name!r}", "they forget all at once, no time constant does", "use threshold")
        return np.asarray(np.minimum(kept, np.nextafter(1.0, 0.0)), dtype=np.float64)

    def _current(self, node: ops.Node, bias: FloatArray) -> str:
        """Append the float accumulator of ``node``, with a bias; return its name."""
        assert isinstance(node, ops.Linear | ops.Conv | ops.Add)
        whole = not any(isinstance(self.core.by_name[name], PICKING) for name in node.inputs)
        if isinstance(node, ops.Conv) or (whole and isinstance(node, ops.Linear)):
            weights = node.weights.astype(np.float64)
            changed = replace(node, inputs=self._of(node.inputs), weights=weights, bias=node.bias + bias)
            self.nodes.append(changed)
            return changed.name
        if isinstance(node, ops.Add) and len(self.core.shapes[node.name]) != 1:
            if (node.bias + bias).any():
                raise _refusal(f"sum {node.name!r}", "NIR has no bias of a sum", "take a layer with a bias")
            gains = node.coefficients.astype(np.float64)
            self.nodes.append(replace(node, inputs=self._of(node.inputs), coefficients=gains, bias=0.0 * bias))
            return node.name
        return self._as_layers(node, bias)

    def _as_layers(self, node: ops.Linear | ops.Add, bias: FloatArray) -> str:
        """Append one layer for each vector that an accumulator of vectors reads, and their sum."""
        total = (node.bias + bias).astype(np.float64)
        matrices: dict[str, FloatArray] = {}
        n = len(total)
        for k, name in enumerate(node.inputs):
            rows = node.weights if isinstance(node, ops.Linear) else np.diag(node.coefficients[k])
            picked = self._picked(name)
            for column, (source, element) in enumerate(zip(picked.sources, picked.elements.tolist(), strict=True)):
                if source is None:
                    total = total + rows[:, column] * element
                else:
                    width = self.core.shapes[source][0]
                    matrices.setdefault(source, np.zeros((n, width)))[:, element] += rows[:, column]
        names = []
        for k, (source, weights) in enumerate(matrices.items()):
            label = node.name if len(matrices) == 1 else f"{node.name} {k + 1}"
            names.append(label)
            given = total if k == 0 else np.zeros(n)
            self.nodes.append(ops.Linear(name=label, inputs=self._of((source,)), weights=weights, bias=given))
        if len(names) > 1:
            gains = np.ones((len(names), n))
            self.nodes.append(ops.Add(name=node.name, inputs=tuple(names), coefficients=gains, bias=np.zeros(n)))
        return node.name

    def _picked(self, name: str) -> _Picked:
        """Return where the elements of a vector are from."""
        node = self.core.by_name[name]
        if isinstance(node, ops.Constant):
            return _Picked((None,) * len(node.values), node.values)
        if isinstance(node, ops.Concat):
            parts = [self._picked(i) for i in node.inputs]
            sources = tuple(source for part in parts for source in part.sources)
            return _Picked(sources, np.concatenate([part.elements for part in parts]))
        if isinstance(node, ops.Slice | ops.Gather):
            given = self._picked(node.inputs[0])
            whole = np.arange(len(given.sources))
            taken = whole[node.start : node.stop : node.step] if isinstance(node, ops.Slice) else whole[node.indices]
            return _Picked(tuple(given.sources[i] for i in taken), given.elements[taken])
        count = self.core.shapes[name][0]
        return _Picked((name,) * count, np.arange(count, dtype=np.int64))


def as_spiking(core: Network, chip: Chip) -> Network:
    """Return a constrained spiking network, as ``compile`` gives it, in float neurons with its integers.

    Args:
        core: In core operators, in a loop over its steps.
        chip: The chip it is for.

    Raises:
        UnsupportedError: Something has no float neuron or layer like it; says what.
    """
    twin = _Twin(core, chip)
    for node in core.nodes:
        twin.take(node)
    return Network(tuple(twin.nodes)).pruned()


def _refusal(what: str, why: str, fix: str) -> UnsupportedError:
    return UnsupportedError(f"{what} has no form in NIR: {why}", where="NIR export", fix=fix)
