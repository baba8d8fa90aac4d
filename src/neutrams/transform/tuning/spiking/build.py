"""Build the core network of a spiking network node by node, each unit on the spikes that reach it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np
import torch

from neutrams.base.arrays import FloatArray
from neutrams.base.errors import UnsupportedError
from neutrams.evaluate.floats import float_value
from neutrams.evaluate.signals import encode_signal, fire
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.neurons import NeuronModel
from neutrams.transform.facts import ACCUMULATORS, MOVES, head_of, tail_of
from neutrams.transform.names import origin_of
from neutrams.transform.tuning.decode import decoder_nodes
from neutrams.transform.tuning.emit import emit_unit
from neutrams.transform.tuning.signal import Signal, carried
from neutrams.transform.tuning.spiking.inputs import input_encoder
from neutrams.transform.tuning.spiking.integers import Reach, integers, whole_steps
from neutrams.transform.tuning.spiking.near_threshold import threshold_moments
from neutrams.transform.tuning.spiking.outputs import decoder_of, pool_decoder_of
from neutrams.transform.tuning.spiking.partial_sums import carrier
from neutrams.transform.tuning.spiking.repeating import repeating_fit, repeats
from neutrams.transform.tuning.spiking.spare_axons import shared_axons
from neutrams.transform.tuning.spiking.stepped import Stepped, reached, stepped
from neutrams.transform.tuning.spiking.thresholds import tuned_thresholds
from neutrams.transform.tuning.unit import Fit, Unit
from neutrams.transform.tuning.weights import Moments

Progress = Callable[[int, int], None]


@dataclass
class SpikingBuild:
    """The core network so far.

    Attributes:
        source: The float network, divided by the fan-in limit.
        chip: The chip.
        model: Its neuron model.
        fan_in: Most inputs of a neuron.
        copies: Neurons that carry a partial sum.
        values: Every tensor of the original at all steps, float ``[T, N, *shape]``.
        nodes: Core nodes so far.
        signals: What they give on calibration data.
        shares: Tensor → the core tensors that carry it together, where there are several.
        renamed: Tensor → the node that gives it to the host.
        activity: Spikes a sample, by core node.
        given: Tensor of a unit → what it gives in the original's place, float ``[T, N, *shape]``.
    """

    source: Network
    chip: Chip
    model: NeuronModel
    fan_in: int
    copies: int
    values: Mapping[str, torch.Tensor]
    nodes: list[ops.Node] = field(default_factory=list)
    signals: dict[str, Signal] = field(default_factory=dict)
    shares: dict[str, tuple[str, ...]] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    activity: dict[str, FloatArray] = field(default_factory=dict)
    given: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """T of the loop."""
        return max(self.source.loop_steps.values())

    def built(self, progress: Progress | None = None) -> Network:
        """Return the core network."""
        tail, head = tail_of(self.source), head_of(self.source)
        for done, node in enumerate(self.source.nodes):
            if progress is not None:
                progress(done, len(self.source.nodes))
            self._take(node, head, tail)
        return Network(tuple(self.nodes)).pruned()

    def _take(self, node: ops.Node, head: frozenset[str], tail: frozenset[str]) -> None:
        readers = self.source.consumers[node.name]
        match node:
            case _ if node.name in tail:
                self.nodes.append(replace(node, inputs=tuple(self.renamed.get(name, name) for name in node.inputs)))
            case ops.State():
                self._state(node)
            case ops.Constant() if readers and all(isinstance(reader, ops.State) for reader in readers):
                pass
            case _ if node.name in head or isinstance(node, ops.Update):
                self.nodes.append(node)
            case _ if isinstance(node, MOVES):
                self._move(node)
            case ops.Spiking():
                self._neurons(node)
            case ops.Linear() | ops.Conv() | ops.Add() if not all(isinstance(r, ops.Spiking) for r in readers):
                self._sum(node, tail)
        if node.name in self.signals and any(reader.name in tail for reader in readers):
            channels = self.source.shapes[node.name][0]
            self._decode(node.name, (node.name,), np.ones((1, channels)), np.zeros(channels))

    def _state(self, node: ops.State) -> None:
        """Append a state and what it begins with.

        Raises:
            UnsupportedError: It is no spikes that it remembers.
        """
        begin = self.source.by_name[node.inputs[0]]
        assert isinstance(begin, ops.Constant), f"state {node.name!r} begins with a {begin.op}"
        name = f"{node.name} begins"
        self.nodes.append(ops.Constant(name=name, values=np.rint(begin.values).astype(np.int64)))
        self.nodes.append(ops.State(name=node.name, inputs=(name,)))
        held = self.values[node.name].float()  # what the original remembers
        if (held * (1 - held)).any():
            raise UnsupportedError(
                f"it remembers values from {float(held.min()):g} to {float(held.max()):g}, neurons repeat spikes only",
                where=f"transform, state {node.name!r}",
                fix="delay inputs of 0 and 1 only; let feedback carry spikes (--nir feedback=spikes), or leave the "
                "bias of its weights out",
            )
        one = np.ones(held.shape[2])
        self.signals[node.name] = Signal.of(held, one, 0 * one, self.steps)

    def _read(self, name: str) -> str:
        """Return the core node that gives tensor ``name``, encoding it if the host gives it."""
        if name in self.signals:
            return name
        encoded = f"{name} encoded"
        if encoded not in self.signals:
            values = self.values[name]
            encoder = input_encoder(encoded, name, values, self.chip)
            signal = torch.cat([encode_signal(encoder, now, 1) for now in values])
            channels = values.shape[2]
            self.nodes.append(encoder)
            self.signals[encoded] = Signal.of(
                signal, np.full(channels, encoder.scale), np.full(channels, encoder.zero), self.steps
            )
            self.activity[encoded] = (signal != 0).sum(0).double().mean(0).numpy()
        return encoded

    def _move(self, node: ops.Node) -> None:
        names = tuple(self._read(name) for name in node.inputs)
        given = [self.signals[name] for name in names]
        moved = replace(node, inputs=names)
        if isinstance(moved, ops.Pad):
            moved = replace(moved, value=given[0].zero_point())
        self.nodes.append(moved)
        self.signals[node.name] = carried(moved, given)

    def _unit(self, name: str, accumulator: ops.Node) -> tuple[Unit, tuple[str, ...]]:
        """Return the unit of an accumulator, and the core tensors it reads; a sum reads all that carry its terms."""
        assert isinstance(accumulator, ACCUMULATORS), f"{accumulator.name!r} does not sum"
        if isinstance(accumulator, ops.Add):
            shares = [self.shares.get(term, (term,)) for term in accumulator.inputs]
            gains = np.repeat(accumulator.coefficients, [len(share) for share in shares], axis=0)
            accumulator = replace(accumulator, inputs=tuple(s for share in shares for s in share), coefficients=gains)
        names = tuple(self._read(term) for term in accumulator.inputs)
        inputs = tuple(self.signals[term] for term in names)
        target = self.values.get(name, self.values[accumulator.name])
        return Unit(name=name, accumulator=accumulator, cap=None, decoded=False, inputs=inputs, target=target[0]), names

    def _sums(self, unit: Unit) -> torch.Tensor:
        """Return the float sums of a unit on what it really reads, in every step, ``[T, N, C, *size]``."""
        rows, bias = unit.per_lsb()
        steps = max(len(signal.values) for signal in unit.inputs)
        flat = [signal.values.expand(steps, *signal.values.shape[1:]).flatten(0, 1) for signal in unit.inputs]
        summed = float_value(unit.with_rows(rows), [values.float() for values in flat])
        summed = summed + torch.from_numpy(bias).float().reshape(-1, *(1,) * (summed.ndim - 2))
        return summed.reshape(steps, -1, *summed.shape[1:])

    def _spread(
        self, unit: Unit, names: tuple[str, ...], seen: Moments | None
    ) -> tuple[Unit, tuple[str, ...], Moments | None]:
        """Return a matrix's unit with each input on as many axons as a core has idle, and the moments of those."""
        a = unit.accumulator
        if not isinstance(a, ops.Linear) or whole_steps(a.weights)[1].all():
            return unit, names, seen
        counts = shared_axons(a.weights, self.fan_in)
        if (counts == 1).all():
            return unit, names, seen
        wide = np.repeat(np.arange(len(counts)), counts)
        gather = ops.Gather(name=f"{unit.name} axons", inputs=names, indices=wide, axis=0)
        self.nodes.append(gather)
        accumulator = replace(a, inputs=(gather.name,), weights=a.weights[:, wide] / counts[wide])
        if seen is not None:
            seen = seen.repeated(wide)
        return replace(unit, accumulator=accumulator, inputs=(carried(gather, unit.inputs),)), (gather.name,), seen

    def _moments(self, unit: Unit, real: Stepped) -> Moments | None:
        """Return second moments of what the inputs of a matrix leave in potentials, those of its bias aside."""
        if not isinstance(unit.accumulator, ops.Linear) or (
            real.keep_current is not None and unit.accumulator.bias.any()
        ):
            return None
        return threshold_moments(unit.inputs[0].values.float(), self._sums(unit), real)

    def _neurons(self, node: ops.Spiking) -> None:
        unit, names = self._unit(node.name, self.source.by_name[node.inputs[0]])
        real = stepped(node)
        unit, names, seen = self._spread(unit, names, self._moments(unit, real))
        rows, bias = unit.per_lsb()
        potential, current = reached(self._sums(unit), real)
        reach = Reach(potential=potential, current=current)
        fit = integers(rows, bias, real, self.model, self.chip, reach, seen)
        acc = self._accumulated(unit, fit)
        fit = tuned_thresholds(fit, acc, self.values[node.name], self.model, self.chip)
        self._emit(unit, fit, names, acc)

    def _sum(self, node: ops.Linear | ops.Conv | ops.Add, tail: frozenset[str]) -> None:
        """Let the host add up what neurons give, where it alone reads the sum; else let neurons carry it."""
        readers = [reader for reader in self.source.consumers[node.name] if not isinstance(reader, ops.Spiking)]
        hosted = all(reader.name in tail for reader in readers)
        if hosted and isinstance(node, ops.Add) and all(self._by_neurons(name) for name in node.inputs):
            self._decode(node.name, node.inputs, node.coefficients, node.bias)
        elif not hosted or not self._pooled(node):
            self._part(node)

    def _pooled(self, node: ops.Linear | ops.Conv | ops.Add) -> bool:
        """Let the host add up what neurons give in each window of a pool; tell whether it is one."""
        source = node.inputs[0]
        if isinstance(node, ops.Add) or source in self.shares or not self._by_neurons(source):
            return False
        shape = self.source.shapes[source]
        decoder = pool_decoder_of(node, source, shape)
        if decoder is None:
            return False
        row = ops.Reshape(name=f"{node.name} windows", inputs=(source,), shape=(prod(shape),))
        whole = replace(decoder, name=f"{node.name} sums", inputs=(row.name,))
        back = ops.Reshape(name=decoder.name, inputs=(whole.name,), shape=self.source.shapes[node.name])
        self.nodes += [row, whole, back]
        self.renamed[node.name] = decoder.name
        return True

    def _by_neurons(self, name: str) -> bool:
        """Whether tensor ``name`` is what neurons give in the same step, moved or not."""
        node = self.source.by_name[name]
        if isinstance(node, MOVES):
            return not isinstance(node, ops.Pad) and all(self._by_neurons(i) for i in node.inputs)
        return name in self.signals and isinstance(node, (*ACCUMULATORS, ops.Spiking))

    def _part(self, node: ops.Linear | ops.Conv | ops.Add) -> None:
        """Append neurons that carry a signed sum, which other units read."""
        unit, names = self._unit(node.name, node)
        if repeats(unit):
            fit = repeating_fit(unit, self.model)
            self._emit(unit, fit, names, self._accumulated(unit, fit))
            return
        total = self._sums(unit)
        real, high, low = carrier(total, self.copies, self.model.name, node.name)
        rows, bias = unit.per_lsb()
        channels = len(rows)
        rows, bias = np.tile(rows, (self.copies, 1)), np.tile(bias, self.copies)
        potential, current = reached(total.repeat(1, 1, self.copies, *(1,) * (total.ndim - 3)), real)
        reach = Reach(potential=potential, current=current)
        fit = integers(rows, bias, real, self.model, self.chip, reach)
        fit = replace(fit, scale=np.tile((high - low) / self.copies, self.copies), zero=np.tile(low, self.copies))
        self._emit(unit, fit, names, self._accumulated(unit, fit))
        signal = self.signals[node.name]
        shares = []
        for k in range(self.copies):
            cut = ops.Slice(
                name=f"{node.name} copy {k + 1}", inputs=(node.name,), start=k * channels, stop=(k + 1) * channels,
                axis=0,
            )  # fmt: skip
            part = carried(cut, [signal])
            self.nodes.append(cut)
            self.signals[cut.name] = replace(part, zero=part.zero / self.copies)
            shares.append(cut.name)
        self.shares[node.name] = tuple(shares)
        self.given[node.name] = sum(self.signals[s].values * _of(self.signals[s].scale) for s in shares) + _of(
            self.signals[shares[0]].zero * self.copies
        )

    def _accumulated(self, unit: Unit, fit: Fit) -> torch.Tensor:
        copies = fit.rows.reshape(-1, unit.target.shape[1], fit.rows.shape[1])
        acc = torch.cat([unit.accumulate(rows) for rows in copies], dim=2)
        if fit.bias_weights is not None:
            more = torch.from_numpy(fit.bias_weights.sum(axis=1)).to(acc.dtype)
            acc = acc + more.reshape(-1, *(1,) * (acc.ndim - 3))
        return acc

    def _emit(self, unit: Unit, fit: Fit, names: tuple[str, ...], acc: torch.Tensor) -> None:
        spikes = fire(self.model, fit.parameters, acc, self.steps, self.chip).float()
        self.nodes += emit_unit(unit, fit, names, unit.name, 1)
        self.signals[unit.name] = Signal.of(spikes, fit.scale, fit.zero, self.steps)
        self.activity[unit.name] = spikes.sum(0).double().mean(0).numpy()
        if not origin_of(unit.name)[1]:
            self.given[unit.name] = spikes

    def _decode(self, name: str, terms: tuple[str, ...], gains: FloatArray, bias: FloatArray) -> None:
        """Append the decoder of tensor ``name``: the sum of ``terms``, or of what carries each, times their gains."""
        shares = [(s, gain) for term, gain in zip(terms, gains, strict=True) for s in self.shares.get(term, (term,))]
        decoder = decoder_of(name, [(share, self.signals[share], gain) for share, gain in shares], bias)
        self.nodes += decoder_nodes(decoder, name, self.source.shapes[name])
        self.renamed[name] = decoder.name


def _of(values: FloatArray) -> torch.Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float32))
