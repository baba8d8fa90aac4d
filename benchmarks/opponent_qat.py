"""The opponent of few-bit tuning: quantisation-aware training with labels, end to end, straight through.

Learned step sizes, from the trained float model: Adam, cross entropy, a rate that falls along a cosine. Limits that it
obeys, TIANJI's: two's complement weights with one step an output channel; unsigned signals, the image among them, with
one step a tensor; no accumulator of LeNet-5 has more than 256 inputs, so none is split. What it is spared: its biases
and steps are floats, its logits too; nothing is rounded to a multiplier, a shift or a bias register.

References:
    Esser et al. (2020), learned step size quantization. arXiv:1902.08153
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional

BATCH = 128
STEP_RATE = 0.1
"""Learning rate of steps, relative to that of weights."""

SLICES = 10
"""Images are classified in so many parts."""

SETTLED_ON = 1000
"""Images from which the steps of signals start [count]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to train: bits of a weight (2 or more) and of a signal, passes over the images, learning rate, seed.

    Without ``rounds`` weights and signals stay floats, which shows what labels alone teach.
    """

    weight_bits: int
    signal_bits: int
    epochs: int
    rate: float
    seed: int = 0
    rounds: bool = True


def rounded(x: torch.Tensor, step: torch.Tensor, low: int, high: int) -> torch.Tensor:
    """Return ``x`` on the grid step * (low...high); gradients pass straight through, to ``step`` as in LSQ."""
    scale = float(1.0 / np.sqrt(x.numel() / step.numel() * max(high, 1)))
    step = (step * scale) + (step - step * scale).detach()
    y = (x / step).clamp(low, high)
    return (y + (y.round() - y).detach()) * step


class Quantised(nn.Module):
    """A convolution or dense layer of few-bit weights that reads few-bit signals; the first reads an image in 0...1."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, recipe: Recipe, is_first: bool) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())
        self.rounds = recipe.rounds
        self.low, self.high = -(1 << (recipe.weight_bits - 1)), (1 << (recipe.weight_bits - 1)) - 1
        self.most = (1 << recipe.signal_bits) - 1
        mean = weight.abs().mean(dim=tuple(range(1, weight.ndim)), keepdim=True)
        self.step = nn.Parameter(2 * mean / float(np.sqrt(self.high)))
        self.signal_step = nn.Parameter(torch.tensor(1.0 / self.most), requires_grad=not is_first)
        self.is_first = is_first

    def settle(self, x: torch.Tensor) -> None:
        """Start the step of signals where their squared error is least."""
        if not self.is_first:
            steps = [float(x.max()) * cut / self.most for cut in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)]
            errors = [float(((x / s).round().clamp(0, self.most) * s - x).square().mean()) for s in steps]
            self.signal_step.data.fill_(steps[int(np.argmin(errors))])

    def plain(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Return the layer's linear map of ``x``."""
        if weight.ndim == 4:
            return functional.conv2d(x, weight, self.bias)
        return functional.linear(x.flatten(1), weight, self.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the layer gives for ``x``, both rounded to their grids."""
        if not self.rounds:
            return self.plain(x, self.weight)
        x = rounded(x, self.signal_step, 0, self.most)
        return self.plain(x, rounded(self.weight, self.step, self.low, self.high))


@torch.no_grad()
def quantised(path: Path, recipe: Recipe, sample: torch.Tensor) -> nn.Sequential:
    """Return an ONNX LeNet with quantised layers, its signal steps settled on ``sample``."""
    graph = onnx.load(path).graph
    tensors = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
    others: dict[str, nn.Module] = {"Relu": nn.ReLU(), "MaxPool": nn.MaxPool2d(2), "Flatten": nn.Flatten()}
    layers: list[nn.Module] = []
    x = sample
    for node in graph.node:
        if node.op_type in others:
            layers.append(others[node.op_type])
            x = layers[-1](x)
            continue
        layer = Quantised(tensors[node.input[1]], tensors[node.input[2]], recipe, is_first=not layers)
        layer.settle(x)
        x = layer.plain(x, layer.weight)
        layers.append(layer)
    return nn.Sequential(*layers)


def train(path: Path, recipe: Recipe, x: torch.Tensor, y: torch.Tensor) -> tuple[nn.Sequential, float]:
    """Return the trained model, and the CPU time that took [s].

    Args:
        path: A LeNet as ONNX, where training starts.
        recipe: How.
        x: Images, float32 ``[N, 1, 28, 28]``, 0 to 1.
        y: Classes, int64 ``[N]``.
    """
    start = time.process_time()
    model = quantised(path, recipe, x[:SETTLED_ON])
    steps = [p for name, p in model.named_parameters() if "step" in name and recipe.rounds]
    others = [p for name, p in model.named_parameters() if "step" not in name]
    groups = [{"params": others, "lr": recipe.rate}, {"params": steps, "lr": recipe.rate * STEP_RATE}]
    descent = torch.optim.Adam(groups)
    whole = len(x) // BATCH * BATCH
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(descent, recipe.epochs * whole // BATCH)
    order = torch.Generator().manual_seed(recipe.seed)
    for _ in range(recipe.epochs):
        for take in torch.randperm(len(x), generator=order)[:whole].reshape(-1, BATCH):
            loss = functional.cross_entropy(model(x[take]), y[take])
            descent.zero_grad()
            torch.autograd.backward(loss)
            descent.step()
            falling.step()
    return model, time.process_time() - start


@torch.no_grad()
def accuracy(model: nn.Sequential, x: torch.Tensor, y: torch.Tensor) -> float:
    """Return the fraction of images classified right."""
    return float((torch.cat([model(part).argmax(1) for part in torch.tensor_split(x, SLICES)]) == y).float().mean())
