"""Polish a fitted ann-mode unit by gradients that pass straight through the rounding of weights and outputs."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from neutrams.base.arrays import FloatArray
from neutrams.hardware import Chip
from neutrams.transform.tuning.ann import Solution, lay_out
from neutrams.transform.tuning.delivery import delivered
from neutrams.transform.tuning.ranges import OutputRange
from neutrams.transform.tuning.unit import Unit
from neutrams.transform.tuning.weights import Grid, moments, refit
from neutrams.transform.tuning.windows import windows

RATE = 0.002
"""Learning rate at the start, in steps of the weights' grid; faster fits the samples, not the function."""

BORDER = 0.05
"""Least distance of a float weight from the border between two integers at the start, in steps."""

EPOCHS = 8
"""How often each sample is seen; weights move by less than one step in all."""

BATCH = 128
"""Samples a step of the descent."""

CHECKED = 4
"""One in this many samples is kept for checking."""

OWN = 1.0
"""Share of a neuron's own error in the loss, beside what the next layer makes of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a polish works towards.

    Attributes:
        reach: The mapping from values to output integers.
        chip: Gives all widths.
        copies: Neurons an element.
        amplification: Linear map ``[m, n]`` to the sums that read the unit; None where no two neurons share one.
        seed: Of the order of samples.
    """

    reach: OutputRange
    chip: Chip
    copies: int
    amplification: FloatArray | None
    seed: int


def polished(unit: Unit, solution: Solution, task: Task) -> Solution:
    """Return the solution after gradient descent on its error, if that is smaller on samples held back; else as it was.

    The loss is the mean square of M (y - t): y what the unit gives in the chip's arithmetic, t what the original gives,
    M the next layer's original weights. No labels are used. Free tuning and value ranges, the paper's phases before,
    are the closed form that ``solution`` comes from.

    References:
        Ji et al. (2016), rounding tuning. doi 10.1109/MICRO.2016.7783724
        Bengio et al. (2013), straight-through estimator. arXiv:1308.3432
    """
    n = len(unit.target)
    if n < 2 * CHECKED or task.amplification is None:  # by itself each neuron is best as the closed form leaves it
        return solution
    checking = np.arange(n) % CHECKED == CHECKED - 1
    metric = _metric(task.amplification)
    tuned = _descend(unit.on(torch.from_numpy(np.flatnonzero(~checking))), solution, metric, task)
    held = unit.on(torch.from_numpy(np.flatnonzero(checking)))
    before, after = (checked_error(held, s, metric, task) for s in (solution, tuned))
    return tuned if after < before else solution


def checked_error(unit: Unit, solution: Solution, metric: torch.Tensor, task: Task) -> float:
    """Return the loss of what the chip would give, bit for bit.

    Args:
        unit: The unit on the samples to check.
        solution: What to check.
        metric: Rows by which errors are measured, float32 ``[m, n]``.
        task: Gives range, chip and copies.
    """
    given = delivered(unit, lay_out(unit, solution, task.reach, task.chip, task.copies), task.chip, 1)
    n = unit.target.shape[1]
    value = given.value().reshape(len(unit.target), -1, n).mean(1)
    return float(_loss(value - unit.activated(unit.target), metric))


def _metric(amplification: FloatArray) -> torch.Tensor:
    """Return the rows by which errors ``[n]`` are measured: those of the next layer, of mean power 1, and their own."""
    n = amplification.shape[1]
    power = float(np.square(amplification).sum() / n)
    return _single(np.concatenate([amplification / np.sqrt(power), np.sqrt(OWN) * np.eye(n)]))


def _loss(error: torch.Tensor, metric: torch.Tensor) -> torch.Tensor:
    return (error @ metric.T).square().mean()


def _through(hard: torch.Tensor, soft: torch.Tensor) -> torch.Tensor:
    """Return ``hard``, with the gradient of ``soft``."""
    return soft + (hard - soft).detach()


def _on_grid(latent: torch.Tensor, grid: Grid) -> torch.Tensor:
    return latent.round().clamp(grid.low, grid.high) if grid.zero else torch.where(latent >= 0, 1.0, -1.0)


def _latent(unit: Unit, start: Solution, grid: Grid) -> torch.Tensor:
    """Return the start's integers, each leaning to the float weight it stands for, but not over the border."""
    rows = refit(unit.per_lsb()[0], moments(*windows(unit))) / start.step[:, None]
    lean = (0.5 if grid.zero else 1.0) - BORDER
    return torch.from_numpy(np.clip(rows, start.weights - lean, start.weights + lean)).float()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Samples:
    """The fitting samples: centred inputs float32 ``[N, in]``, their mean ``[in]``, targets ``[N, n]`` [output LSB]."""

    x: torch.Tensor
    mean: torch.Tensor
    target: torch.Tensor


def _samples(unit: Unit, start: Solution, task: Task) -> _Samples:
    x = unit.inputs[0].means
    target = (unit.activated(unit.target) - _single(task.reach.zero)) / _single(start.scale)
    return _Samples(x=x - x.mean(0), mean=x.mean(0), target=target)


def _single(values: FloatArray) -> torch.Tensor:
    return torch.from_numpy(values).float()


def _descend(unit: Unit, start: Solution, metric: torch.Tensor, task: Task) -> Solution:
    """Return the solution after Adam with a rate that falls to 0 along a cosine; weights and biases move."""
    grid = Grid.of(task.chip.core)
    seen = _samples(unit, start, task)
    size = float(seen.x.square().mean().sqrt()) or 1.0  # the bias moves as if it were the weight of one more input
    gain, scale = _single(start.step / start.scale), _single(start.scale)
    latent = _latent(unit, start, grid).requires_grad_()
    lead = _single(start.lead) + torch.from_numpy(start.weights).float() @ seen.mean
    shift = torch.zeros(len(lead), requires_grad=True)
    descent = torch.optim.Adam([latent, shift], lr=RATE)
    batches = _batches(len(seen.x), task.seed)
    for k, take in enumerate(batches):
        descent.param_groups[0]["lr"] = RATE * 0.5 * (1 + np.cos(np.pi * k / len(batches)))
        z = (seen.x[take] @ _through(_on_grid(latent, grid), latent).T + lead + shift * size) * gain
        y = z if task.copies > 1 else _through((z + 0.5).floor(), z)  # copies resolve what rounding loses
        loss = _loss((y.clamp(task.reach.low, task.reach.high) - seen.target[take]) * scale, metric)
        descent.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        descent.step()
    weights = _on_grid(latent.detach(), grid)
    bias = lead + shift.detach() * size - weights @ seen.mean
    return replace(start, weights=weights.to(torch.int64).numpy(), lead=bias.double().numpy())


def _batches(n: int, seed: int) -> list[torch.Tensor]:
    """Return the samples of each step: every epoch takes all ``n`` once, in random order."""
    order = torch.Generator().manual_seed(seed)
    return [batch for _ in range(EPOCHS) for batch in torch.split(torch.randperm(n, generator=order), BATCH)]
